package dev.turnstone.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.server.TestServer.Answer;
import dev.turnstone.server.http.Wire;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Every field of a request that says how tokens are drawn, over HTTP and against a real engine: it
/// is accepted, changes what is drawn, and is recorded.
@Timeout(60)
final class SamplingFieldsTest {
  private static final Path TINY = Path.of("..", "models", "tiny");
  private static final String CHAT =
      "{'messages':[{'role':'user','content':'What is 17 + 25?'}],'max_tokens':24,'ignore_eos':true,"
          + "'return_token_ids':true";

  @TempDir private static Path data;
  private static TestServer server;
  private static Tokens greedy = Tokens.NONE;

  @BeforeAll
  static void start() throws Exception {
    server = serve(data.resolve("plain"), TINY);
    greedy = ids(chat("'temperature':0"));
  }

  private static TestServer serve(Path data, Path model) throws InterruptedException {
    return TestServer.with(model, data);
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  private static JsonNode chat(String fields) {
    return post(server, "/v1/chat/completions", CHAT + "," + fields + "}");
  }

  private static JsonNode post(TestServer to, String path, String single) {
    Answer answer = to.post(path, single.replace('\'', '"'));
    assertThat(answer.status()).as(answer.text()).isIn(200, 201);
    return answer.json();
  }

  private static Tokens ids(JsonNode reply) {
    return tokens(reply.at("/choices/0/token_ids"));
  }

  private static Tokens tokens(JsonNode ids) {
    int[] all = new int[ids.size()];
    for (int i = 0; i < all.length; i++) all[i] = ids.get(i).intValue();
    return Tokens.of(all);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          'top_k':1,'temperature':2    | GREEDY
          'top_p':1e-9,'temperature':2 | GREEDY
          'min_p':1,'temperature':2    | GREEDY
          'temperature':1e-9,'seed':4  | GREEDY
          'temperature':0,'seed':9     | GREEDY
          'temperature':2,'seed':3    | OTHER
          'temperature':0,'frequency_penalty':2 | OTHER
          'temperature':0,'presence_penalty':2 | OTHER
          'temperature':0,'repetition_penalty':99 | OTHER
          'temperature':0,'logit_bias':{'FIRST':-100} | WITHOUT
          'temperature':0,'bad_words':['WORD'] | OTHER
          'temperature':2,'seed':1,'logit_bias':{'300':100} | ONLY
          'temperature':2,'seed':1,'allowed_token_ids':[300] | ONLY
          """)
  void aFieldChangesWhatIsDrawn(String fields, String effect) {
    String first = Integer.toString(greedy.get(0));
    String word = text(greedy.get(0));
    Tokens drawn = ids(chat(fields.replace("FIRST", first).replace("WORD", word)));
    switch (effect) {
      case "GREEDY" -> assertThat(drawn).isEqualTo(greedy);
      case "OTHER" -> assertThat(drawn).isNotEqualTo(greedy);
      case "WITHOUT" -> assertThat(drawn.toArray()).doesNotContain(greedy.get(0));
      default -> assertThat(drawn.toArray()).containsOnly(300);
    }
  }

  private static String text(int id) {
    return post(server, "/detokenize", "{'tokens':[" + id + "]}").get("prompt").asText();
  }

  @Test
  void aSeedMakesDrawsRepeatAndEachChoiceDrawsItsOwn() {
    Tokens once = ids(chat("'seed':5,'temperature':2"));
    assertThat(ids(chat("'seed':5,'temperature':2"))).isEqualTo(once);
    assertThat(ids(chat("'seed':6,'temperature':2"))).isNotEqualTo(once);
    var choices = new HashSet<Tokens>();
    for (JsonNode choice : chat("'seed':5,'temperature':2,'n':3").get("choices"))
      choices.add(tokens(choice.get("token_ids")));
    assertThat(choices).hasSize(3).contains(once);
  }

  @Test
  void whatEndsAChoiceEndsItWhereItSays() {
    assertThat(greedy.size()).isEqualTo(24);
    String cut = "'temperature':0,'stop_token_ids':[" + greedy.get(5) + "]";
    JsonNode byId = chat(cut);
    assertThat(ids(byId).last()).isEqualTo(greedy.get(5));
    assertThat(ids(byId).size()).isLessThanOrEqualTo(6);
    assertThat(byId.at("/choices/0/stop_reason").asInt()).isEqualTo(greedy.get(5));
    assertThat(ids(chat(cut + ",'min_tokens':20")).size()).isGreaterThan(20);
    String all = chat("'temperature':0").at("/choices/0/message/content").asText();
    String end = all.substring(3, 5);
    JsonNode byText = chat("'temperature':0,'stop':['" + end + "']");
    assertThat(byText.at("/choices/0/message/content").asText())
        .isEqualTo(all.substring(0, all.indexOf(end)));
    JsonNode kept =
        chat("'temperature':0,'stop':['" + end + "'],'include_stop_str_in_output':true");
    assertThat(kept.at("/choices/0/message/content").asText()).endsWith(end);
    String polite = CHAT.replace("'ignore_eos':true", "'temperature':0").replace("24", "200") + "}";
    assertThat(ids(post(server, "/v1/chat/completions", polite)).size()).isLessThan(200);
  }

  @Test
  void logprobsAreOfTheModeThatWasAskedFor() {
    String drawn = "'seed':2,'temperature':0.5,'top_k':2,'logprobs':true,'top_logprobs':2";
    JsonNode policy = chat(drawn).at("/choices/0/logprobs/content/0");
    JsonNode raw = chat(drawn + ",'logprob_mode':'raw'").at("/choices/0/logprobs/content/0");
    JsonNode sampled =
        chat(drawn + ",'logprob_mode':'sampled'").at("/choices/0/logprobs/content/0");
    assertThat(policy.get("top_logprobs")).hasSize(2);
    double mass = 0;
    for (JsonNode top : sampled.get("top_logprobs"))
      mass += Math.exp(top.get("logprob").asDouble());
    assertThat(mass).isBetween(0.9999, 1.0001);
    assertThat(policy.get("logprob").asDouble()).isNotEqualTo(raw.get("logprob").asDouble());
    assertThat(policy.get("token").asText()).isEqualTo(raw.get("token").asText());
  }

  @Test
  void namedIdsHaveTheirLogprobsAtEachPositionOnEveryWire() {
    String named = "'temperature':0,'logprob_token_ids':[300,5],'return_tokens_as_token_ids':true";
    JsonNode chat = chat(named + ",'logprobs':true").at("/choices/0/logprobs/content/3");
    assertThat(chat.get("top_logprobs").findValuesAsText("token"))
        .containsExactly("token_id:300", "token_id:5");
    JsonNode text =
        post(server, "/v1/completions", "{'prompt':[5,6,7],'logprobs':0," + named + "}")
            .at("/choices/0/logprobs/top_logprobs/0");
    assertThat(text.has("token_id:300")).isTrue();
    assertThat(text.has("token_id:5")).isTrue();
    JsonNode ids =
        post(
                server,
                "/inference/v1/generate",
                "{'token_ids':[5,6,7],'sampling_params':{'max_tokens':2,'logprobs':1,"
                    + named
                    + "}}")
            .at("/choices/0/logprobs/content/0/top_logprobs");
    assertThat(ids.findValuesAsText("token")).containsExactly("token_id:300", "token_id:5");
    assertThat(ids.get(0).get("logprob").asDouble()).isEqualTo(text.get("token_id:300").asDouble());
  }

  @Test
  void idsOutsideTheVocabularyAreNamed() {
    for (String field :
        List.of(
            "'allowed_token_ids':[99999]",
            "'logit_bias':{'99999':1}",
            "'logprobs':true,'logprob_token_ids':[99999]")) {
      Answer answer = server.chat((CHAT + "," + field + "}").replace('\'', '"'));
      assertThat(answer.status()).isEqualTo(400);
      assertThat(answer.error()).contains("99999", "is not in [0, 512)");
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          'temperature':0.5 |
          'top_k':7 | 'top_k':7
          'top_p':0.5 | 'top_p':0.5
          'min_p':0.25 | 'min_p':0.25
          'frequency_penalty':0.5 | 'frequency_penalty':0.5
          'presence_penalty':-1.5 | 'presence_penalty':-1.5
          'repetition_penalty':1.25 | 'repetition_penalty':1.25
          'logit_bias':{'7':3.5} | 'logit_bias':{'7':3.5}
          'allowed_token_ids':[9,7] | 'allowed_token_ids':[7,9]
          'bad_words':['ab'] | 'bad_words_token_ids':[[
          'min_tokens':3 | 'min_tokens':3
          'logprob_mode':'raw' | 'logprob_mode':'raw'
          """)
  void aFieldIsRecordedInItsRow(String fields, String recorded) {
    JsonNode row = recordedRow(server, fields);
    if (recorded == null) {
      assertThat(row.path("sampler").isNull() || row.path("sampler").isMissingNode()).isTrue();
      assertThat(row.at("/temperatures/values").toString()).contains("0.5");
    } else {
      assertThat(row.get("sampler").toString()).contains(recorded.replace('\'', '"'));
    }
  }

  private static JsonNode recordedRow(TestServer on, String fields) {
    String id = post(on, "/v1/sessions", "{}").get("id").asText();
    String path = "/sessions/" + id + "/v1/chat/completions";
    post(on, path, CHAT + (fields.isEmpty() ? "" : "," + fields) + "}");
    post(on, "/v1/sessions/" + id + "/finish", "{'reward':1}");
    return on.get("/v1/sessions/" + id + "/trajectory").json().at("/rows/0");
  }

  @Test
  void whatARequestDoesNotSayIsAsTheMakersWantIt(@TempDir Path folder) throws Exception {
    try (Stream<Path> files = Files.list(TINY)) {
      for (Path file : files.toList())
        Files.copy(file, folder.resolve(file.getFileName().toString()));
    }
    Files.writeString(
        folder.resolve("generation_config.json"),
        "{\"temperature\": 0.6, \"top_k\": 1, \"top_p\": 0.9, \"repetition_penalty\": 1.0}");
    try (TestServer other = serve(data.resolve("made"), folder)) {
      String own = CHAT + ",'seed':3}";
      assertThat(ids(post(other, "/v1/chat/completions", own))).isEqualTo(greedy);
      String full = CHAT + ",'seed':3,'temperature':2,'top_k':0,'top_p':1}";
      assertThat(ids(post(other, "/v1/chat/completions", full))).isNotEqualTo(greedy);
      JsonNode sampler = recordedRow(other, "").get("sampler");
      assertThat(sampler.get("top_k").asInt()).isEqualTo(1);
      assertThat(sampler.get("temperature").asDouble()).isEqualTo(0.6);
      JsonNode response = post(other, "/v1/responses", "{'input':'hi','max_output_tokens':4}");
      assertThat(response.get("top_p").asDouble()).isEqualTo(0.9);
      // Engines' wires and runs sample as they say.
      List<Tokens> exact = new ArrayList<>();
      for (int seed = 0; seed < 3; seed++)
        exact.add(
            ids(
                post(
                    other,
                    "/inference/v1/generate",
                    "{'token_ids':[5,6,7],'sampling_params':{'max_tokens':20,'seed':"
                        + seed
                        + "}}")));
      assertThat(new HashSet<>(exact)).hasSizeGreaterThan(1);
    }
    var said = Wire.JSON.createObjectNode().put("model", folder.toString());
    assertThat(ModelFolder.find(folder.toString()).makersSampling().topK()).isEqualTo(1);
    Config none = Config.of(said.put("generation_config", "none"));
    assertThat(none.makersSampling()).isFalse();
  }
}
