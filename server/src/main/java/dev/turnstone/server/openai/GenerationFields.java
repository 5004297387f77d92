package dev.turnstone.server.openai;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.rollout.Constraint;
import dev.turnstone.rollout.Sampling;
import dev.turnstone.rollout.Scores;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.server.completion.Ask;
import dev.turnstone.server.completion.Ends;
import dev.turnstone.server.completion.Reading;
import dev.turnstone.server.completion.Served;
import dev.turnstone.server.http.Refused;
import java.util.Optional;
import java.util.OptionalInt;

/// The fields that chat completions and completions share, as OpenAI and vLLM name them.
///
/// @param model empty: whatever is served
/// @param promptTop as for [Scores]
/// @param named ids whose log-probabilities are told at each position, as for [Scores]
/// @param includeUsage whether a stream ends with a chunk of usage
/// @param usageAlways whether every chunk of a stream says the usage so far
/// @param tokenIds whether ids of prompt and choices are part of the reply
/// @param tokensAsIds whether tokens are written as `token_id:ID`
/// @param truncate last ids of the prompt that are kept; −1 keeps what fits
/// @param cacheSalt as for [Ask]
public record GenerationFields(
    Optional<String> model,
    Sampling sampling,
    int n,
    Ends ends,
    Optional<Constraint> constraint,
    OptionalInt promptTop,
    Tokens named,
    boolean skipSpecial,
    boolean stream,
    boolean includeUsage,
    boolean usageAlways,
    boolean tokenIds,
    boolean tokensAsIds,
    OptionalInt truncate,
    Optional<String> cacheSalt) {

  /// Reads a body that fits the contract.
  public static GenerationFields read(JsonNode body, Served served) {
    boolean stream = body.path("stream").asBoolean(false);
    JsonNode options = body.path("stream_options");
    if (!stream && options.isObject())
      throw Refused.bad("stream_options needs stream: true", "stream_options");
    if (stream && body.path("prompt_logprobs").isInt())
      throw Refused.bad("prompt_logprobs cannot be streamed", "prompt_logprobs");
    Sampling sampling = SamplingFields.sampling(body, served);
    int n = body.path("n").asInt(1);
    if (n > 1 && sampling.greedy())
      throw Refused.bad(
          "n must be 1 at temperature 0, where all choices are the same, but is " + n, "n");
    boolean always = options.path("continuous_usage_stats").asBoolean(false);
    return new GenerationFields(
        Optional.ofNullable(body.path("model").textValue()),
        sampling,
        n,
        SamplingFields.ends(body),
        ConstraintFields.read(body),
        integer(body.path("prompt_logprobs")),
        SamplingFields.named(body.path("logprob_token_ids")),
        body.path("skip_special_tokens").asBoolean(true),
        stream,
        always || options.path("include_usage").asBoolean(false),
        always,
        body.path("return_token_ids").asBoolean(false),
        body.path("return_tokens_as_token_ids").asBoolean(false),
        integer(body.path("truncate_prompt_tokens")),
        SamplingFields.salt(body));
  }

  private static OptionalInt integer(JsonNode node) {
    return node.isInt() ? OptionalInt.of(node.intValue()) : OptionalInt.empty();
  }

  /// What is asked of the policy after `prompt`, with the bound clamped to what the context leaves.
  ///
  /// @param top how many of the most probable ids at each position
  /// @param param the field that holds the prompt
  /// @throws Refused if the context leaves nothing
  public Ask ask(
      Served served, Tokens prompt, int maxTokens, Reading reading, int top, String param) {
    Tokens kept = truncated(prompt, served.policy().contextLength() - 1);
    int bound = Math.min(maxTokens, served.room(kept, param));
    return new Ask(kept, sampling, n, bound, ends, reading)
        .withScores(new Scores(top, promptTop).withNamed(named))
        .withConstraint(constraint)
        .withCacheSalt(cacheSalt);
  }

  private Tokens truncated(Tokens prompt, int fits) {
    if (truncate.isEmpty()) return prompt;
    int most = truncate.getAsInt() < 0 ? fits : truncate.getAsInt();
    return prompt.slice(Math.max(0, prompt.size() - most), prompt.size());
  }
}
