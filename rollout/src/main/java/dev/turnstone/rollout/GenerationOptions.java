package dev.turnstone.rollout;

import java.util.Optional;

/// What a generation may be asked beside its tokens; [#NONE] of it as a rule.
///
/// @param scores which log-probabilities are told besides those of sampled ids; nothing cached is
///   used for those of the prompt
/// @param constraint what the generated text must be
/// @param conversation names the conversation whose next turn this is: what is computed for it may
///   be kept until the next request of that name, or until [Policy#forget]
/// @param cacheSalt only requests with the same salt share what is computed of equal prompts
/// @param logprobs whether anybody reads the log-probabilities of sampled ids; where nobody does, a
///   policy that would have to compute them apart may say others
public record GenerationOptions(
    Scores scores,
    Optional<Constraint> constraint,
    Optional<String> conversation,
    Optional<String> cacheSalt,
    boolean logprobs) {
  public static final GenerationOptions NONE =
      new GenerationOptions(
          Scores.SAMPLED, Optional.empty(), Optional.empty(), Optional.empty(), true);

  public GenerationOptions withScores(Scores value) {
    return new GenerationOptions(value, constraint, conversation, cacheSalt, logprobs);
  }

  public GenerationOptions withConstraint(Optional<Constraint> value) {
    return new GenerationOptions(scores, value, conversation, cacheSalt, logprobs);
  }

  public GenerationOptions withConversation(String value) {
    return new GenerationOptions(scores, constraint, Optional.of(value), cacheSalt, logprobs);
  }

  public GenerationOptions withCacheSalt(Optional<String> value) {
    return new GenerationOptions(scores, constraint, conversation, value, logprobs);
  }

  public GenerationOptions withLogprobs(boolean value) {
    return new GenerationOptions(scores, constraint, conversation, cacheSalt, value);
  }
}
