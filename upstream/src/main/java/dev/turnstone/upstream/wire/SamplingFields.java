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
  static void vllm(ObjectNode params, Ask ask) {
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

  /// What no engine can record as it is asked for.
  ///
  /// @param afterTruncation whether its log-probabilities are of what truncation leaves
  static Optional<String> obstacle(Policy.Request request, boolean afterTruncation) {
    Sampling sampling = request.sampling();
    if (request.promptLogprobs().isPresent())
      return Optional.of("engines elsewhere do not score prompts: leave out prompt_logprobs");
    if (!request.logprobIds().isEmpty())
      return Optional.of("engines elsewhere take no logprob_token_ids");
    if (!sampling.badWords().isEmpty())
      return Optional.of("engines elsewhere take no bad_words as ids");
    if (request.constraint().isPresent()
        && Constrained.regular(request.constraint().get()).isEmpty())
      return Optional.of(
          "engines elsewhere take a JSON Schema or a regular expression as a constraint, not tool"
              + " calls that must be made or text up to a marker");
    boolean changed =
        sampling.changesLogits()
            || request.constraint().isPresent()
            || (afterTruncation && sampling.truncates() && !sampling.greedy());
    if (sampling.logprobMode() == LogprobMode.POLICY && changed)
      return Optional.of(
          "engines elsewhere report log-probabilities of what the sampling leaves: ask for"
              + " logprob_mode sampled, or sample with a temperature alone");
    if (sampling.logprobMode() == LogprobMode.RAW && (changed || sampling.temperature() != 1))
      return Optional.of("engines elsewhere report no raw log-probabilities");
    if (sampling.logprobMode() == LogprobMode.SAMPLED && !afterTruncation && sampling.truncates())
      return Optional.of(
          "these engines report log-probabilities of what is there before truncation: ask for"
              + " logprob_mode policy");
    return Optional.empty();
  }
}
