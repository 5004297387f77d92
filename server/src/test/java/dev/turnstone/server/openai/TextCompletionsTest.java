package dev.turnstone.server.openai;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.server.TestServer;
import dev.turnstone.server.TestServer.Answer;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(30)
final class TextCompletionsTest {
  private TestServer server;

  @BeforeEach
  void start(@TempDir Path data) throws InterruptedException {
    server = TestServer.start(data);
  }

  @AfterEach
  void stop() {
    server.close();
  }

  private static String json(String single) {
    return single.replace('\'', '"');
  }

  private Answer complete(String single) {
    return server.post("/v1/completions", json(single));
  }

  @Test
  void aTextIsContinued() {
    server.policy.says("lo");
    JsonNode reply = complete("{'prompt':'hel'}").json();
    assertThat(reply.at("/object").asText()).isEqualTo("text_completion");
    assertThat(reply.at("/id").asText()).startsWith("cmpl-");
    assertThat(reply.at("/choices/0/text").asText()).isEqualTo("lo");
    assertThat(reply.at("/choices/0/finish_reason").asText()).isEqualTo("stop");
    assertThat(reply.at("/choices/0/logprobs").isNull()).isTrue();
    assertThat(reply.at("/usage/total_tokens").asInt()).isEqualTo(6);
    assertThat(server.policy.requests.getFirst().maxTokens()).isEqualTo(16);
  }

  @Test
  void idsGoInAndOutUntouched() {
    server.policy.says("c");
    JsonNode choice =
        complete("{'prompt':[98,99],'return_token_ids':true}").json().at("/choices/0");
    assertThat(server.policy.requests.getFirst().prompt()).isEqualTo(Tokens.of(98, 99));
    assertThat(choice.at("/prompt_token_ids").toString()).isEqualTo("[98,99]");
    assertThat(choice.at("/token_ids").toString()).isEqualTo("[100,0]");
  }

  @Test
  void choicesOfABatchAreOrderedByPromptThenSample() {
    for (int i = 0; i < 4; i++) server.policy.says("x");
    JsonNode reply = complete("{'prompt':['a','bb'],'n':2,'return_token_ids':true}").json();
    assertThat(reply.at("/choices")).hasSize(4);
    for (int i = 0; i < 4; i++) {
      assertThat(reply.at("/choices/" + i + "/index").asInt()).isEqualTo(i);
      assertThat(reply.at("/choices/" + i + "/prompt_token_ids")).hasSize(i < 2 ? 1 : 2);
    }
    assertThat(reply.at("/usage/prompt_tokens").asInt()).isEqualTo(3);
  }

  @Test
  void anEchoIsScoredFromItsSecondTokenOn() {
    server.policy.says("c");
    JsonNode choice =
        complete("{'prompt':'ab','echo':true,'logprobs':1,'max_tokens':1}").json().at("/choices/0");
    assertThat(choice.at("/text").asText()).isEqualTo("abc");
    assertThat(choice.at("/logprobs/tokens").toString()).isEqualTo("[\"a\",\"b\",\"c\"]");
    assertThat(choice.at("/logprobs/token_logprobs").toString()).isEqualTo("[null,-1.0,-0.5]");
    assertThat(choice.at("/logprobs/top_logprobs/0").isNull()).isTrue();
    assertThat(choice.at("/logprobs/top_logprobs/2").toString())
        .isEqualTo("{\"d\":-0.25,\"c\":-0.5}");
    assertThat(choice.at("/logprobs/text_offset").toString()).isEqualTo("[0,1,2]");
  }

  @Test
  void aPromptIsOnlyScoredOrOnlyRepeated() {
    JsonNode scored = complete("{'prompt':'ab','echo':true,'logprobs':0,'max_tokens':0}").json();
    assertThat(scored.at("/choices/0/logprobs/token_logprobs").size()).isGreaterThanOrEqualTo(2);
    assertThat(server.policy.requests.getFirst().maxTokens()).isZero();
    JsonNode repeated = complete("{'prompt':[98,99],'echo':true,'max_tokens':0}").json();
    assertThat(repeated.at("/choices/0/text").asText()).isEqualTo("ab");
    assertThat(server.policy.requests).hasSize(1);
  }

  @Test
  void promptLogprobsAreMapsById() {
    server.policy.says("c");
    JsonNode scores =
        complete("{'prompt':'ab','prompt_logprobs':1}").json().at("/choices/0/prompt_logprobs");
    assertThat(scores.get(0).isNull()).isTrue();
    assertThat(scores.at("/1/99/logprob").asDouble()).isEqualTo(-1);
    assertThat(scores.at("/1/99/rank").asInt()).isEqualTo(2);
    assertThat(scores.at("/1/100/decoded_token").asText()).isEqualTo("c");
  }

  @Test
  void aStreamHasTheEchoFirstAndIdsOnce() {
    server.policy.says("ü!");
    List<String> events =
        complete(
                "{'prompt':'ab','echo':true,'stream':true,'return_token_ids':true,"
                    + "'stream_options':{'include_usage':true,'continuous_usage_stats':true}}")
            .events();
    assertThat(events.getLast()).isEqualTo("[DONE]");
    StringBuilder text = new StringBuilder();
    StringBuilder ids = new StringBuilder();
    int prompts = 0;
    for (String event : events.subList(0, events.size() - 1)) {
      JsonNode chunk = TestServer.json(event);
      assertThat(chunk.at("/usage/prompt_tokens").asInt()).isEqualTo(2);
      text.append(chunk.at("/choices/0/text").asText());
      chunk.at("/choices/0/token_ids").forEach(id -> ids.append(id.asInt()).append(' '));
      if (chunk.at("/choices/0").has("prompt_token_ids")) prompts++;
    }
    assertThat(text.toString()).isEqualTo("abü!");
    assertThat(ids.toString()).isEqualTo("196 189 34 0 ");
    assertThat(prompts).isEqualTo(1);
  }

  @Test
  void aLongPromptIsRefusedOrTruncated() {
    String prompt = "x".repeat(300);
    Answer refused = complete("{'prompt':'" + prompt + "'}");
    assertThat(refused.status()).isEqualTo(400);
    assertThat(refused.json().at("/error/param").asText()).isEqualTo("prompt");
    assertThat(refused.json().at("/error/n_prompt_tokens").asInt()).isEqualTo(300);
    JsonNode kept = complete("{'prompt':'" + prompt + "','truncate_prompt_tokens':-1}").json();
    assertThat(kept.at("/usage/prompt_tokens").asInt()).isEqualTo(199);
  }

  @Test
  void aStopStringStaysIfAskedFor() {
    server.policy.says("one two three");
    String body = "{'prompt':'a','stop':'two','include_stop_str_in_output':true}";
    assertThat(complete(body).json().at("/choices/0/text").asText()).isEqualTo("one two");
  }

  @Test
  void textsAndConversationsBecomeIdsAndIdsText() {
    JsonNode ids =
        server.post("/tokenize", json("{'prompt':'ab','return_token_strs':true}")).json();
    assertThat(ids.at("/tokens").toString()).isEqualTo("[98,99]");
    assertThat(ids.at("/token_strs").toString()).isEqualTo("[\"a\",\"b\"]");
    assertThat(ids.at("/max_model_len").asInt()).isEqualTo(200);
    String chat = "{'messages':[{'role':'user','content':'x'}]}";
    assertThat(server.post("/v1/tokenize", json(chat)).json().at("/count").asInt()).isEqualTo(18);
    assertThat(server.post("/tokenize", json("{'prompt':['a','bc']}")).json().at("/count"))
        .hasToString("[1,2]");
    String llama = "{'content':'a','with_pieces':true}";
    assertThat(server.post("/tokenize", json(llama)).json().at("/tokens/0/piece").asText())
        .isEqualTo("a");
    JsonNode text = server.post("/detokenize", json("{'tokens':[98,99,0]}")).json();
    assertThat(text.get("prompt").asText()).isEqualTo("ab");
    assertThat(text.get("text")).isEqualTo(text.get("content"));
    assertThat(server.get("/tokenizer_info").json().at("/eos_token_id").asInt()).isZero();
  }
}
