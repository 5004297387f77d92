package dev.turnstone.upstream;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.WeightsUpdate.Probe;
import dev.turnstone.upstream.Admission.Admitted;
import dev.turnstone.upstream.EngineSpec.Kind;
import dev.turnstone.upstream.wire.EngineFault;
import dev.turnstone.upstream.wire.EngineHttp;
import dev.turnstone.upstream.wire.EngineHttp.Answer;
import dev.turnstone.upstream.wire.VllmCompletions;
import java.time.Duration;

/// Asks one engine how probable a trainer's ids are under its new weights.
final class TrainerProbe {
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  private final EngineHttp http;
  private final EngineSpec spec;
  private final Admitted admitted;

  TrainerProbe(EngineHttp http, EngineSpec spec, Admitted admitted) {
    this.http = http;
    this.spec = spec;
    this.admitted = admitted;
  }

  /// Compares the engine's log-probabilities with the trainer's.
  ///
  /// @throws EngineFault if they differ by more than the trainer allows
  void check(Probe probe) throws EngineFault, InterruptedException {
    JsonNode scores = scores(probe);
    double sum = 0;
    for (int i = 1; i < probe.ids().size(); i++) {
      JsonNode said = scores.path(i);
      JsonNode logprob =
          spec.kind() == Kind.VLLM
              ? said.path(Integer.toString(probe.ids().get(i))).path("logprob")
              : said.path(0);
      if (!logprob.isNumber())
        throw EngineFault.broken(
            "it does not say how probable id %d is".formatted(probe.ids().get(i)));
      sum += Math.abs(logprob.doubleValue() - probe.logprobs().get(i - 1));
    }
    double mean = sum / probe.logprobs().size();
    if (!(mean <= probe.tolerance()))
      throw EngineFault.broken(
          "the trainer's probe differs by %.4f nats on average, more than %s"
              .formatted(mean, probe.tolerance()));
  }

  /// What the engine says of the prompt's ids, one entry per id.
  private JsonNode scores(Probe probe) throws EngineFault, InterruptedException {
    ObjectNode body = EngineHttp.JSON.createObjectNode();
    String path = admitted.wire().path();
    boolean completions = admitted.wire() instanceof VllmCompletions;
    boolean vllm = spec.kind() == Kind.VLLM;
    ArrayNode ids = body.putArray(completions ? "prompt" : vllm ? "token_ids" : "input_ids");
    for (int i = 0; i < probe.ids().size(); i++) ids.add(probe.ids().get(i));
    ObjectNode params = completions ? body : body.putObject("sampling_params");
    params.put("temperature", 1.0);
    if (vllm) {
      body.put("model", admitted.model());
      params.put("max_tokens", 1).put("prompt_logprobs", 0);
    } else {
      params.put("max_new_tokens", 1);
      body.put("return_logprob", true).put("logprob_start_len", 0);
    }
    Answer answer = http.post(spec.url(), path, spec.key(), body, PATIENCE);
    if (!answer.ok())
      throw EngineFault.broken("its %s answers %d".formatted(path, answer.status()));
    JsonNode reply = answer.json();
    if (!vllm) return reply.path("meta_info").path("input_token_logprobs");
    return (completions ? reply.path("choices").path(0) : reply).path("prompt_logprobs");
  }
}
