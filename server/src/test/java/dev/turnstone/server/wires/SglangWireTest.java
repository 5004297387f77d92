package dev.turnstone.server.wires;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
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
final class SglangWireTest {
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

  @Test
  void idsGoInAndTextAndIdsComeOut() {
    server.policy.says("ab");
    JsonNode reply =
        post(
                "/generate",
                "{'rid':'r2','input_ids':[2,3],'sampling_params':{'max_new_tokens':3,'temperature':1.0,'stop_token_ids':[99]},'return_logprob':true}")
            .json();
    assertThat(reply.get("text").asText()).isEqualTo("a");
    assertThat(reply.get("output_ids").toString()).isEqualTo("[98,99]");
    JsonNode meta = reply.get("meta_info");
    assertThat(meta.get("id").asText()).isEqualTo("r2");
    assertThat(meta.get("finish_reason").toString())
        .isEqualTo("{\"type\":\"stop\",\"matched\":99}");
    assertThat(meta.get("output_token_logprobs").toString())
        .isEqualTo("[[-0.5,98,null],[-1.5,99,null]]");
    assertThat(meta.get("cached_tokens").asInt()).isEqualTo(3);
    assertThat(meta.get("weight_version").asText()).isEqualTo("default");
    assertThat(meta.get("weight_versions").toString())
        .isEqualTo("[{\"version\":\"default\",\"start\":0,\"end\":2}]");
    assertThat(meta.get("input_token_logprobs").toString()).isEqualTo("[]");
  }

  @Test
  void theServerSaysWhatItServesAndWhetherItStandsStill() {
    JsonNode info = server.get("/server_info").json();
    assertThat(info.get("served_model_name").asText()).isEqualTo("scripted");
    assertThat(info.get("status").asText()).isEqualTo("ready");
    assertThat(info.at("/internal_states/0/num_running_reqs").asInt()).isZero();
    post("/pause_generation", "{}");
    assertThat(server.get("/get_server_info").json().get("status").asText()).isEqualTo("paused");
  }

  @Test
  void aSaltAndAnExtraKeySeparateTogether() {
    post("/generate", "{'input_ids':[2],'cache_salt':'a','extra_key':'b'}");
    post("/generate", "{'input_ids':[2],'extra_key':'b'}");
    post("/generate", "{'input_ids':[2]}");
    assertThat(server.policy.requests)
        .extracting(request -> request.cacheSalt().orElse("none"))
        .containsExactly("ab", "b", "none");
  }

  @Test
  void promptsAreScoredFromWhereItWasAskedFor() {
    server.policy.says("c");
    JsonNode meta =
        post(
                "/generate",
                "{'text':'abc','return_logprob':true,'logprob_start_len':1,'top_logprobs_num':1,'return_text_in_logprobs':true}")
            .json()
            .get("meta_info");
    assertThat(meta.get("input_token_logprobs").toString())
        .isEqualTo("[[-1.0,99,\"b\"],[-2.0,100,\"c\"]]");
    assertThat(meta.get("input_top_logprobs")).hasSize(2);
    assertThat(meta.at("/output_top_logprobs/0/0/1").asInt()).isEqualTo(101);
  }

  @Test
  void aStreamHasEverythingSoFarOrOnlyWhatIsNew() {
    server.policy.says("abc").says("abc");
    List<String> whole = post("/generate", "{'text':'x','stream':true}").events();
    assertThat(whole.getLast()).isEqualTo("[DONE]");
    JsonNode last = TestServer.json(whole.get(whole.size() - 2));
    assertThat(last.get("text").asText()).isEqualTo("abc");
    assertThat(last.get("output_ids").toString()).isEqualTo("[98,99,100,0]");
    StringBuilder text = new StringBuilder();
    for (String event :
        post("/generate", "{'text':'x','stream':true,'incremental_streaming_output':true}")
            .events())
      if (!event.equals("[DONE]")) text.append(TestServer.json(event).get("text").asText());
    assertThat(text.toString()).isEqualTo("abc");
  }

  @Test
  void aBatchInIsAListOut() {
    server.policy.says("x").says("x");
    JsonNode reply = post("/generate", "{'input_ids':[[2],[3]],'rid':['a','b']}").json();
    assertThat(reply).hasSize(2);
    assertThat(reply.at("/1/meta_info/id").asText()).isEqualTo("b");
  }

  @Test
  void anAbortByPrefixGivesBackTheTokensSoFar() throws Exception {
    server.policy.hangsAfter("ab");
    CompletableFuture<Answer> reply =
        CompletableFuture.supplyAsync(() ->
            post(
                "/generate",
                "{'rid':'run1-17','text':'x','sampling_params':{'max_new_tokens':2},'return_logprob':true}"));
    assertThat(server.policy.silent.await(5, TimeUnit.SECONDS)).isTrue();
    post("/abort_request", "{'rid':''}");
    post("/update_weight_version", "{'new_version':'v9'}");
    assertThat(server.policy.aborted.getCount()).isEqualTo(1);
    assertThat(post("/abort_request", "{'rid':'run1'}").status()).isEqualTo(200);
    JsonNode json = reply.get(5, TimeUnit.SECONDS).json();
    assertThat(json.at("/meta_info/finish_reason/type").asText()).isEqualTo("abort");
    assertThat(json.at("/output_ids").toString()).isEqualTo("[98,99]");
    assertThat(json.at("/meta_info/output_token_logprobs")).hasSize(2);
  }

  @Test
  void aLabelAndWeightsFromDisk() throws Exception {
    post("/update_weight_version", "{'new_version':'step-1'}");
    assertThat(server.get("/get_weight_version").json().get("weight_version").asText())
        .isEqualTo("step-1");
    Path folder = Files.createDirectories(data.resolve("weights/s2"));
    Files.writeString(folder.resolve("model.safetensors"), "x");
    JsonNode reply =
        post(
                "/update_weights_from_disk",
                "{'model_path':'" + folder + "','weight_version':'step-2','flush_cache':true}")
            .json();
    assertThat(reply.get("success").asBoolean()).isTrue();
    assertThat(server.get("/model_info").json().get("weight_version").asText()).isEqualTo("step-2");
    Answer refused = post("/update_weights_from_disk", "{'model_path':'/etc'}");
    assertThat(refused.status()).isEqualTo(400);
    assertThat(refused.json().get("success").asBoolean()).isFalse();
  }

  @Test
  void thePolicyStandsStillForgetsAndIsHealthy() {
    assertThat(post("/pause_generation", "{'mode':'retract'}").json().get("status").asText())
        .isEqualTo("ok");
    assertThat(server.policy.paused).contains(Pause.KEEP);
    assertThat(server.policy.forgotten).hasValue(1);
    assertThat(server.get("/health_generate").status()).isEqualTo(503);
    post("/continue_generation", "{}");
    assertThat(server.get("/health_generate").status()).isEqualTo(200);
    assertThat(server.get("/flush_cache").status()).isEqualTo(200);
    server.policy.held = true;
    assertThat(post("/flush_cache", "").status()).isEqualTo(400);
    assertThat(server.get("/workers").json().at("/workers/0/is_healthy").asBoolean()).isTrue();
    JsonNode error = post("/generate", "{'text':5}").json();
    assertThat(error.at("/error/message").asText()).contains("text");
  }
}
