package dev.turnstone.server.openai;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.server.TestServer;
import dev.turnstone.server.TestServer.Answer;
import dev.turnstone.server.http.Wire;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import okhttp3.MediaType;
import okhttp3.RequestBody;
import okhttp3.Response;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Timeout(30)
final class ChatTest {
  private static final String HI = "{'messages':[{'role':'user','content':'hi'}]";

  private TestServer server;

  @BeforeEach
  void start(@TempDir Path data) throws InterruptedException {
    server = TestServer.start(data, "{\"max_completions\": 1}");
  }

  @AfterEach
  void stop() {
    server.close();
  }

  private static String json(String single) {
    return single.replace('\'', '"');
  }

  private Answer chat(String more) {
    return server.chat(json(HI + more + "}"));
  }

  @Test
  void aCompletionCarriesTextUsageAndTheModel() {
    server.policy.says("grüß dich");
    JsonNode reply = chat(",'model':'scripted'").json();
    assertThat(reply.at("/choices/0/message/content").asText()).isEqualTo("grüß dich");
    assertThat(reply.at("/choices/0/finish_reason").asText()).isEqualTo("stop");
    assertThat(reply.at("/usage/completion_tokens").asInt()).isEqualTo(12);
    assertThat(reply.at("/usage/prompt_tokens").asInt()).isEqualTo("<user>hi<assistant>".length());
    assertThat(reply.at("/usage/prompt_tokens_details/cached_tokens").asInt()).isEqualTo(3);
    assertThat(reply.at("/model").asText()).isEqualTo("scripted");
    assertThat(reply.at("/object").asText()).isEqualTo("chat.completion");
  }

  @Test
  void logprobsAndIdsAreThoseThatWereSampled() {
    server.policy.says("ü");
    JsonNode choice = chat(",'logprobs':true,'return_token_ids':true").json().at("/choices/0");
    assertThat(choice.at("/token_ids").toString()).isEqualTo("[196,189,0]");
    assertThat(choice.at("/logprobs/content/1/logprob").asDouble()).isEqualTo(-1.5);
    assertThat(choice.at("/logprobs/content/1/bytes").toString()).isEqualTo("[188]");
    assertThat(choice.at("/policy_versions/values").toString()).isEqualTo("[0]");
  }

  @Test
  void aToolCallIsReadOutOfTheText() {
    server.policy.says("let me see call python {\"code\": \"1\"}");
    String tools = ",'tools':[{'type':'function','function':{'name':'python'}}]";
    JsonNode choice = chat(tools).json().at("/choices/0");
    assertThat(choice.at("/finish_reason").asText()).isEqualTo("tool_calls");
    assertThat(choice.at("/message/content").asText()).isEqualTo("let me see ");
    JsonNode call = choice.at("/message/tool_calls/0");
    assertThat(call.at("/function/name").asText()).isEqualTo("python");
    assertThat(call.at("/function/arguments").asText()).isEqualTo("{\"code\": \"1\"}");
    assertThat(call.at("/id").asText()).isEqualTo("call_0_0");
  }

  @Test
  void withoutToolsACallIsText() {
    server.policy.says("call python {}");
    JsonNode choice = chat("").json().at("/choices/0");
    assertThat(choice.at("/message/content").asText()).isEqualTo("call python {}");
    assertThat(choice.at("/finish_reason").asText()).isEqualTo("stop");
  }

  @Test
  void aStreamHasRoleTextFinishUsageAndDone() {
    server.policy.says("grüß");
    Answer answer = chat(",'stream':true,'stream_options':{'include_usage':true}");
    assertThat(answer.headers().get("content-type")).isEqualTo("text/event-stream; charset=utf-8");
    List<String> events = answer.events();
    assertThat(events.getLast()).isEqualTo("[DONE]");
    List<JsonNode> chunks =
        events.subList(0, events.size() - 1).stream()
            .map(e -> Wire.read(e.getBytes(java.nio.charset.StandardCharsets.UTF_8)))
            .toList();
    assertThat(chunks.getFirst().at("/choices/0/delta/role").asText()).isEqualTo("assistant");
    StringBuilder text = new StringBuilder();
    chunks.forEach(chunk -> text.append(chunk.at("/choices/0/delta/content").asText()));
    assertThat(text.toString()).isEqualTo("grüß");
    assertThat(chunks.stream().filter(c -> c.at("/choices/0/finish_reason").isTextual()))
        .hasSize(1);
    assertThat(chunks.getLast().at("/usage/completion_tokens").asInt()).isEqualTo(7);
    assertThat(chunks.getLast().at("/choices").size()).isZero();
    assertThat(chunks)
        .extracting(c -> c.get("id").asText())
        .containsOnly(chunks.getFirst().get("id").asText());
  }

  @Test
  void aStreamedToolCallHasAnIndexAndItsIdOnce() {
    server.policy.says("call python {}");
    String tools = ",'stream':true,'tools':[{'function':{'name':'python'}}]";
    List<String> events = chat(tools).events();
    assertThat(events).filteredOn(e -> e.contains("call_0_0")).hasSize(1);
    JsonNode delta =
        Wire.read(
                events.stream()
                    .filter(e -> e.contains("call_0_0"))
                    .findFirst()
                    .orElseThrow()
                    .getBytes(java.nio.charset.StandardCharsets.UTF_8))
            .at("/choices/0/delta/tool_calls/0");
    assertThat(delta.get("index").asInt()).isZero();
    assertThat(delta.at("/function/name").asText()).isEqualTo("python");
    assertThat(events).anyMatch(e -> e.contains("\"finish_reason\":\"tool_calls\""));
  }

  @Test
  void everyTokenOfAStreamIsInOneChunkWhenIdsAreAskedFor() {
    server.policy.says("grüß");
    StringBuilder ids = new StringBuilder();
    for (String event : chat(",'stream':true,'return_token_ids':true,'logprobs':true").events())
      if (!event.equals("[DONE]"))
        Wire.read(event.getBytes(java.nio.charset.StandardCharsets.UTF_8))
            .at("/choices/0/token_ids")
            .forEach(id -> ids.append(id.asInt()).append(' '));
    assertThat(ids.toString()).isEqualTo("104 115 196 189 196 160 0 ");
  }

  @Test
  void aStopStringEndsTheTextAndTheGeneration() throws InterruptedException {
    server.policy.hangsAfter("one two three");
    JsonNode choice = chat(",'stop':['three','two']").json().at("/choices/0");
    assertThat(choice.at("/message/content").asText()).isEqualTo("one ");
    assertThat(choice.at("/finish_reason").asText()).isEqualTo("stop");
    assertThat(choice.at("/stop_reason").asText()).isEqualTo("two");
    assertThat(server.policy.aborted.await(5, TimeUnit.SECONDS)).isTrue();
  }

  @Test
  void aStopTokenOfTheRequestEndsTheGenerationAndStaysInTheIds() {
    server.policy.says("abc");
    JsonNode choice =
        chat(",'stop_token_ids':[99],'return_token_ids':true").json().at("/choices/0");
    assertThat(choice.at("/message/content").asText()).isEqualTo("a");
    assertThat(choice.at("/token_ids").toString()).isEqualTo("[98,99]");
    assertThat(choice.at("/stop_reason").asInt()).isEqualTo(99);
  }

  @Test
  void choicesAreSampledApartFromEachOther() {
    server.policy.says("a").says("b").says("c");
    JsonNode reply = chat(",'n':3,'seed':40").json();
    assertThat(reply.at("/choices").findValuesAsText("content"))
        .containsExactlyInAnyOrder("a", "b", "c");
    assertThat(reply.at("/usage/completion_tokens").asInt()).isEqualTo(6);
    assertThat(server.policy.requests)
        .extracting(r -> r.sampling().seed().orElse(0))
        .containsExactlyInAnyOrder(40L, 41L, 42L);
  }

  @Test
  void maxTokensIsClampedToTheContext() {
    server.policy.says("x".repeat(1000));
    JsonNode reply = chat(",'max_tokens':100000").json();
    assertThat(reply.at("/choices/0/finish_reason").asText()).isEqualTo("length");
    assertThat(reply.at("/usage/total_tokens").asInt()).isEqualTo(200);
  }

  @ParameterizedTest
  @CsvSource({"true", "false"})
  void aPromptThatDoesNotFitIsRefusedWithBothCountsBeforeAnyStream(boolean stream) {
    Answer answer =
        server.chat(
            json("{'messages':[{'role':'user','content':'%s'}],'stream':%s}")
                .formatted("x".repeat(300), stream));
    assertThat(answer.status()).isEqualTo(400);
    JsonNode error = answer.json().get("error");
    assertThat(error.get("code").asText()).isEqualTo("context_length_exceeded");
    assertThat(error.get("n_prompt_tokens").asInt()).isEqualTo(317);
    assertThat(error.get("max_model_len").asInt()).isEqualTo(200);
  }

  @ParameterizedTest
  @CsvSource({"true", "false"})
  void aClientThatGoesAwayAbortsItsGeneration(boolean stream) throws Exception {
    server.policy.hangsAfter("so far");
    var call =
        TestServer.CLIENT.newCall(
            server
                .to("/v1/chat/completions")
                .post(
                    RequestBody.create(
                        json(HI + ",'stream':" + stream + "}"), MediaType.get("application/json")))
                .build());
    Thread client =
        Thread.startVirtualThread(() -> {
          try (Response response = call.execute()) {
            response.body().bytes();
          } catch (java.io.IOException cancelled) {
            // What the test is about.
          }
        });
    assertThat(server.policy.silent.await(5, TimeUnit.SECONDS)).isTrue();
    call.cancel();
    assertThat(server.policy.aborted.await(5, TimeUnit.SECONDS)).isTrue();
    client.join();
  }

  @Test
  void whoComesWhileTheServerIsFullIsToldToComeBack() throws Exception {
    server.policy.hangsAfter("busy");
    var call =
        TestServer.CLIENT.newCall(
            server
                .to("/v1/chat/completions")
                .post(RequestBody.create(json(HI + "}"), MediaType.get("application/json")))
                .build());
    Thread client =
        Thread.startVirtualThread(() -> {
          try (Response response = call.execute()) {
            response.body().bytes();
          } catch (java.io.IOException cancelled) {
            // Cancelled below.
          }
        });
    assertThat(server.policy.silent.await(5, TimeUnit.SECONDS)).isTrue();
    Answer answer = chat("");
    assertThat(answer.status()).isEqualTo(503);
    assertThat(answer.headers().get("retry-after")).isEqualTo("1");
    assertThat(answer.error()).contains("full");
    call.cancel();
    client.join();
  }

  @Test
  void aPolicyThatFailsIsAServerError() {
    server.policy.fails("out of memory").fails("out of memory");
    assertThat(chat("").status()).isEqualTo(500);
    assertThat(chat(",'stream':true").events())
        .anyMatch(e -> e.contains("\"error\""))
        .last()
        .isEqualTo("[DONE]");
  }

  @Test
  void samplingReachesThePolicyAsItWasAskedFor() {
    chat(
        ",'temperature':0.5,'top_k':-1,'top_p':0.9,'min_p':null,'seed':7,'max_completion_tokens':5,'max_tokens':9");
    var request = server.policy.requests.getFirst();
    assertThat(request.sampling().temperature()).isEqualTo(0.5);
    assertThat(request.sampling().topK()).isZero();
    assertThat(request.sampling().topP()).isEqualTo(0.9);
    assertThat(request.sampling().seed()).hasValue(7);
    assertThat(request.maxTokens()).isEqualTo(5);
  }

  @Test
  void aToolMessageFindsTheNameOfItsCall() {
    String messages =
        json(
            "{'messages':[{'role':'user','content':[{'type':'text','text':'a'},{'type':'text','text':'b'}]},"
                + "{'role':'assistant','content':null,'tool_calls':[{'id':'c1','type':'function','function':{'name':'python','arguments':''}}]},"
                + "{'role':'tool','tool_call_id':'c1','content':'4'}]}");
    var read =
        ChatMessages.read(
            Wire.read(messages.getBytes(java.nio.charset.StandardCharsets.UTF_8)).get("messages"));
    assertThat(read.getFirst().content()).isEqualTo("a\nb");
    assertThat(read.getLast())
        .isEqualTo(new dev.turnstone.rollout.Message.Tool("c1", "python", "4"));
    assertThat(server.chat(messages).status()).isEqualTo(200);
  }

  @Test
  void whatIsNotUtf8OrNestsTooDeeplyIsRefused() {
    assertThat(server.chat("").error()).isEqualTo("the body is empty, but must be a JSON object");
    assertThat(server.chat("[".repeat(100_000)).status()).isEqualTo(400);
    var latin1 = RequestBody.create(new byte[] {'{', '"', (byte) 0xfc, '"', ':', '1', '}'});
    assertThat(TestServer.send(server.to("/v1/chat/completions").post(latin1).build()).status())
        .isEqualTo(400);
  }

  @Test
  void anUnknownModelIsNotFound() {
    Answer answer = chat(",'model':'gpt-9'");
    assertThat(answer.status()).isEqualTo(404);
    assertThat(answer.json().at("/error/code").asText()).isEqualTo("model_not_found");
    assertThat(server.get("/v1/models/gpt-9").status()).isEqualTo(404);
    assertThat(server.get("/v1/models/scripted").json().get("max_model_len").asInt())
        .isEqualTo(200);
    assertThat(server.get("/v1/models").json().at("/data/0/id").asText()).isEqualTo("scripted");
  }

  @Test
  void unknownFieldsAreIgnored() {
    server.policy.says("ok");
    assertThat(chat(",'user':'me','frobnicate':{'x':1},'frequency_penalty':0.0").status())
        .isEqualTo(200);
  }
}
