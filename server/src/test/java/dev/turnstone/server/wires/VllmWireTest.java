package dev.turnstone.server.wires;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.WeightsUpdate.Pause;
import dev.turnstone.server.TestServer;
import dev.turnstone.server.TestServer.Answer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(30)
final class VllmWireTest {
  @TempDir private Path data;
  private TestServer server;

  @BeforeEach
  void start() throws InterruptedException {
    server = TestServer.start(data);
  }

  @AfterEach
  void stop() {
    server.close();
  }

  private Answer post(String path, String single) {
    return server.post(path, single.replace('\'', '"'));
  }

  private Path weights(String name) throws Exception {
    Path folder = Files.createDirectories(data.resolve("weights").resolve(name));
    Files.writeString(folder.resolve("model.safetensors"), "bytes of " + name);
    return folder;
  }

  @Test
  void idsGoInAndOut() {
    server.policy.says("ab");
    JsonNode reply =
        post(
                "/inference/v1/generate",
                "{'request_id':'r1','token_ids':[2,3],'sampling_params':{'max_tokens':3,'seed':7,'logprobs':0,'stop_token_ids':[99]},'cache_salt':'s'}")
            .json();
    assertThat(reply.get("request_id").asText()).isEqualTo("generate-tokens-r1");
    JsonNode choice = reply.at("/choices/0");
    assertThat(choice.get("token_ids").toString()).isEqualTo("[98,99]");
    assertThat(choice.get("finish_reason").asText()).isEqualTo("stop");
    assertThat(choice.at("/logprobs/content/1/token").asText()).isEqualTo("token_id:99");
    assertThat(choice.at("/logprobs/content/1/logprob").asDouble()).isEqualTo(-1.5);
    assertThat(choice.at("/logprobs/content/1/top_logprobs")).hasSize(1);
    assertThat(reply.get("prompt_logprobs").isNull()).isTrue();
    assertThat(server.policy.requests.getFirst().prompt()).isEqualTo(Tokens.of(2, 3));
  }

  @Test
  void withoutABoundTheRestOfTheContextIsUsed() {
    post("/inference/v1/generate", "{'token_ids':[2,3],'sampling_params':{}}");
    assertThat(server.policy.requests.getFirst().maxTokens()).isEqualTo(198);
  }

  @Test
  void aStreamEndsWithItsReasonEvenWithoutAToken() throws Exception {
    server.policy.hangsAfter("ab");
    CompletableFuture<List<String>> events =
        CompletableFuture.supplyAsync(() ->
            post(
                    "/inference/v1/generate",
                    "{'request_id':'r2','token_ids':[2],'sampling_params':{'max_tokens':2},'stream':true,'stream_options':{'include_usage':true}}")
                .events());
    assertThat(server.policy.silent.await(5, TimeUnit.SECONDS)).isTrue();
    assertThat(post("/abort_requests", "{'request_ids':['other']}").json().get("aborted").asInt())
        .isZero();
    assertThat(post("/abort_requests", "{'request_ids':['r2']}").json().get("aborted").asInt())
        .isEqualTo(1);
    List<String> all = events.get(5, TimeUnit.SECONDS);
    assertThat(all.getLast()).isEqualTo("[DONE]");
    JsonNode last = TestServer.json(all.get(all.size() - 3));
    assertThat(last.at("/choices/0/finish_reason").asText()).isEqualTo("abort");
    assertThat(TestServer.json(all.get(all.size() - 2)).at("/usage/completion_tokens").asInt())
        .isEqualTo(2);
  }

  @Test
  void aBadRequestHasVllmsError() {
    JsonNode error =
        post("/inference/v1/generate", "{'token_ids':[],'sampling_params':{}}").json().get("error");
    assertThat(error.get("code").asInt()).isEqualTo(400);
    assertThat(error.get("type").asText()).isEqualTo("BadRequestError");
    Answer mode = post("/pause?mode=maybe", "");
    assertThat(mode.status()).isEqualTo(400);
    assertThat(mode.json().at("/error/message").asText()).contains("maybe");
  }

  @Test
  void thePolicyStandsStillAndGoesOn() {
    assertThat(post("/pause?mode=keep&clear_cache=false", "").json().get("status").asText())
        .isEqualTo("paused");
    assertThat(server.policy.paused).contains(Pause.KEEP);
    assertThat(server.get("/is_paused").json().get("is_paused").asBoolean()).isTrue();
    assertThat(post("/resume", "").json().get("status").asText()).isEqualTo("resumed");
    assertThat(server.get("/is_paused").json().get("is_paused").asBoolean()).isFalse();
    server.policy.held = true;
    assertThat(post("/reset_prefix_cache", "").json().get("success").asBoolean()).isFalse();
    assertThat(
            post("/reset_prefix_cache?reset_running_requests=true", "")
                .json()
                .get("success")
                .asBoolean())
        .isTrue();
  }

  @Test
  void weightsAreLoadedInFourPhases() throws Exception {
    String folder = weights("step-42").toString();
    assertThat(server.get("/weight_info").json().get("weight_version").asText())
        .isEqualTo("default");
    assertThat(post("/init_weight_transfer_engine", "{'init_info':{}}").status()).isEqualTo(200);
    assertThat(post("/start_weight_update", "").status()).isEqualTo(200);
    assertThat(post("/finish_weight_update", "{}").status()).isEqualTo(400);
    post("/start_weight_update", "{}");
    assertThat(post("/update_weights", "{'update_info':{'names':['a']}}").status()).isEqualTo(400);
    post("/update_weights", "{'update_info':{'weight_dir':'" + folder + "'}}");
    assertThat(server.policy.weights().lineage()).isEqualTo("base");
    assertThat(
            post("/finish_weight_update", "{'weight_version':'step-42'}")
                .json()
                .get("weight_version")
                .asText())
        .isEqualTo("step-42");
    assertThat(server.policy.weights().lineage()).isEqualTo("wire");
    assertThat(server.get("/weight_info").json().get("weight_version").asText())
        .isEqualTo("step-42");
  }

  @Test
  void weightsAloneAreLoadedAtOnceAndComeBackAfterARestart() throws Exception {
    String folder = weights("step-1").toString();
    assertThat(post("/update_weights", "{'weight_dir':'" + folder + "'}").status()).isEqualTo(200);
    var served = server.policy.weights();
    server.close();
    server = TestServer.start(data);
    assertThat(server.policy.weights()).isEqualTo(served);
    assertThat(post("/update_weights", "{'weight_dir':'/etc'}").status()).isEqualTo(400);
  }

  @Test
  void sleepEndsWhenAllIsAwake() {
    post("/sleep?level=1", "");
    assertThat(server.policy.paused).contains(Pause.ABORT);
    post("/wake_up?tags=weights", "");
    assertThat(server.get("/is_sleeping").json().get("is_sleeping").asBoolean()).isTrue();
    post("/wake_up?tags=kv_cache", "");
    assertThat(server.get("/is_sleeping").json().get("is_sleeping").asBoolean()).isFalse();
    assertThat(server.policy.paused).isEmpty();
  }
}
