package dev.turnstone.upstream.wire;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.LogprobMode;
import dev.turnstone.rollout.Policy;
import dev.turnstone.rollout.Sampling;
import dev.turnstone.rollout.Tokens;
import java.util.Optional;

/// How a request asks for its sampling, in fields that engines have in common.
final class SamplingFields {
  private SamplingFields() {}

  /// vLLM's names. What is not asked for is left out: an engine's own defaults are the same.
  static void vllm(ObjectNode params, Ask ask, BadWords words) {
    Sampling sampling = ask.turn().sampling();
    params.put("max_tokens", ask.maxTokens()).put("temperature", sampling.temperature());
    params.put("top_p", sampling.topP()).put("top_k", sampling.topK());
    params.put("min_p", sampling.minP());
    if (sampling.penalties().active())
      params
          .put("frequency_penalty", sampling.penalties().frequency())
          .put("presence_penalty", sampling.penalties().presence())
          .put("repetition_penalty", sampling.penalties().repetition());
    else params.put("repetition_penalty", 1.0);
    if (!sampling.logitBias().isEmpty()) {
      ObjectNode bias = params.putObject("logit_bias");
      sampling.logitBias().forEach((id, value) -> bias.put(Integer.toString(id), value));
    }
    if (!sampling.allowedIds().isEmpty()) {
      ArrayNode allowed = params.putArray("allowed_token_ids");
      sampling.allowedIds().stream().sorted().forEach(allowed::add);
    }
    if (!sampling.badWords().isEmpty()) {
      ArrayNode bad = params.putArray("bad_words");
      words.texts(sampling.badWords()).orElseThrow().forEach(bad::add);
    }
    if (ask.minTokens() > 0) params.put("min_tokens", ask.minTokens());
    if (sampling.seed().isPresent()) params.put("seed", ask.seed());
    // Only the ids of the request end it: what else ends a turn at the engine is not ours.
    params.put("ignore_eos", true);
    stops(params, ask);
    ask.turn().constraint().ifPresent(constraint -> Constrained.vllm(params, constraint));
  }

  static void stops(ObjectNode params, Ask ask) {
    ArrayNode stops = params.putArray("stop_token_ids");
    ask.turn().stopIds().stream().sorted().forEach(stops::add);
  }

  static void ids(ArrayNode array, Tokens ids) {
    for (int i = 0; i < ids.size(); i++) array.add(ids.get(i));
  }

  /// Whether an engine says of sampled tokens something else than is recorded of them, so that they
  /// must be scored again.
  ///
  /// @param afterTruncation whether its log-probabilities are of what truncation leaves
  static boolean scoredApart(Policy.Request request, boolean afterTruncation) {
    Sampling sampling = request.sampling();
    if (sampling.logprobMode() == LogprobMode.SAMPLED || !request.logprobs()) return false;
    boolean otherTemperature =
        sampling.logprobMode() == LogprobMode.RAW
            && sampling.temperature() != 1
            && !sampling.greedy();
    return otherTemperature
        || sampling.changesLogits()
        || request.constraint().isPresent()
        || (afterTruncation && sampling.truncates() && !sampling.greedy());
  }

  /// What no engine can record as it is asked for.
  ///
  /// @param afterTruncation whether its log-probabilities are of what truncation leaves
  static Optional<String> obstacle(Policy.Request request, boolean afterTruncation) {
    Sampling sampling = request.sampling();
    if (request.promptLogprobs().isPresent()
        && sampling.logprobMode() != LogprobMode.RAW
        && !sampling.greedy()
        && sampling.temperature() != 1)
      return Optional.of(
          "engines elsewhere score prompts at temperature 1, but this asks at %s: ask for"
                  .formatted(sampling.temperature())
              + " logprob_mode raw, or leave out prompt_logprobs and echo");
    if (!request.logprobIds().isEmpty() && scoredApart(request, afterTruncation))
      return Optional.of(
          "engines elsewhere say logprob_token_ids of what the sampling leaves: ask for"
              + " logprob_mode sampled, or sample with a temperature alone");
    if (sampling.logprobMode() == LogprobMode.SAMPLED
        && request.logprobs()
        && !afterTruncation
        && sampling.truncates())
      return Optional.of(
          "SGLang engines report log-probabilities of what is there before truncation: ask for"
              + " logprob_mode policy");
    return Optional.empty();
  }
}
