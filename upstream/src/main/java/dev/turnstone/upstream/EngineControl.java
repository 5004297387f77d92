package dev.turnstone.upstream;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.WeightsUpdate;
import dev.turnstone.upstream.EngineSpec.Kind;
import dev.turnstone.upstream.wire.EngineFault;
import dev.turnstone.upstream.wire.EngineHttp;
import dev.turnstone.upstream.wire.EngineHttp.Answer;
import java.time.Duration;

/// Makes one engine stand still, take weights and go on, in its own words.
final class EngineControl {
  private static final Duration PATIENCE = Duration.ofSeconds(60);
  private static final Duration LOADING = Duration.ofMinutes(30);

  private final EngineHttp http;
  private final EngineSpec spec;

  EngineControl(EngineHttp http, EngineSpec spec) {
    this.http = http;
    this.spec = spec;
  }

  private boolean vllm() {
    return spec.kind() == Kind.VLLM;
  }

  /// Stands still; what it has of ours is ended. An engine that cannot is only kept idle.
  void pause() throws EngineFault, InterruptedException {
    if (vllm()) {
      String path = "/pause?mode=abort&clear_cache=true";
      optional(post(path, EngineHttp.JSON.createObjectNode(), PATIENCE), "/pause");
    } else {
      ObjectNode body = EngineHttp.JSON.createObjectNode().put("mode", "abort");
      optional(post("/pause_generation", body, PATIENCE), "/pause_generation");
    }
  }

  void resume() throws EngineFault, InterruptedException {
    String path = vllm() ? "/resume" : "/continue_generation";
    optional(post(path, EngineHttp.JSON.createObjectNode(), PATIENCE), path);
  }

  /// Reads weights from their folder, which the engine sees under the same path.
  ///
  /// @param label what an engine that takes the name with the weights calls them
  void load(WeightsUpdate update, String label) throws EngineFault, InterruptedException {
    String folder = update.folder().toString();
    if (!vllm()) {
      ObjectNode body = EngineHttp.JSON.createObjectNode().put("model_path", folder);
      body.put("weight_version", label).put("flush_cache", true);
      needed(post("/update_weights_from_disk", body, LOADING), "/update_weights_from_disk");
      return;
    }
    ObjectNode body = EngineHttp.JSON.createObjectNode().put("method", "reload_weights");
    body.putObject("kwargs").put("weights_path", folder);
    Answer answer = post("/collective_rpc", body, LOADING);
    if (answer.missing()) {
      ObjectNode info = EngineHttp.JSON.createObjectNode().put("weight_version", label);
      info.putObject("update_info").put("weight_dir", folder);
      answer = post("/update_weights", info, LOADING);
    }
    needed(answer, "/collective_rpc (VLLM_SERVER_DEV_MODE=1 opens it)");
  }

  /// Reads an adapter, by a name that no other version has.
  void adapter(WeightsUpdate update, String name) throws EngineFault, InterruptedException {
    ObjectNode body = EngineHttp.JSON.createObjectNode().put("lora_name", name);
    body.put("lora_path", update.folder().toString());
    String path = vllm() ? "/v1/load_lora_adapter" : "/load_lora_adapter";
    needed(post(path, body, LOADING), path);
  }

  /// Gives an adapter up.
  void dropAdapter(String name) throws EngineFault, InterruptedException {
    ObjectNode body = EngineHttp.JSON.createObjectNode().put("lora_name", name);
    String path = vllm() ? "/v1/unload_lora_adapter" : "/unload_lora_adapter";
    optional(post(path, body, PATIENCE), path);
  }

  /// Says what its weights are called, so that one that was started again is known by it.
  void label(String label) throws EngineFault, InterruptedException {
    ObjectNode body = EngineHttp.JSON.createObjectNode().put("new_version", label);
    if (!vllm()) body.put("abort_all_requests", false);
    optional(post("/update_weight_version", body, PATIENCE), "/update_weight_version");
  }

  /// What it says its weights are called; empty text if it does not say.
  String label() throws EngineFault, InterruptedException {
    return label(PATIENCE);
  }

  /// The same, for whoever has other things to do.
  String label(Duration patience) throws EngineFault, InterruptedException {
    String path = vllm() ? "/weight_info" : "/model_info";
    Answer answer = http.get(spec.url(), path, spec.key(), patience);
    return answer.ok() ? answer.json().path("weight_version").asText("") : "";
  }

  private Answer post(String path, ObjectNode body, Duration patience)
      throws EngineFault, InterruptedException {
    return http.post(spec.url(), path, spec.key(), body, patience);
  }

  private static void optional(Answer answer, String path) throws EngineFault {
    if (!answer.missing()) needed(answer, path);
  }

  private static void needed(Answer answer, String path) throws EngineFault {
    if (answer.missing()) throw EngineFault.broken("it has no " + path);
    boolean failed =
        answer.text().contains("\"success\":false") || answer.text().contains("\"success\": false");
    if (!answer.ok() || failed)
      throw EngineFault.broken(
          "its %s answers %d: %s"
              .formatted(path, answer.status(), EngineHttp.excerpt(answer.text())));
  }
}
