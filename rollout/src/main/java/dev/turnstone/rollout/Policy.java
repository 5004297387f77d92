package dev.turnstone.rollout;

import java.time.Duration;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/// Generates tokens from tokens: the embedded engine, or engines elsewhere.
public interface Policy {
  /// Generates after `prompt` and blocks until it has stopped.
  ///
  /// @throws IllegalArgumentException as [#check]
  /// @throws InterruptedException if the calling thread is interrupted; the generation is aborted
  /// @throws PolicyException if the policy failed; never for what the prompt says
  Generation generate(Request request, TokenListener listener)
      throws InterruptedException, PolicyException;

  /// Generates without watching the tokens arrive.
  default Generation generate(Request request) throws InterruptedException, PolicyException {
    return generate(request, (id, logprob, version) -> {});
  }

  /// Tokens that a prompt and its generation may have together.
  int contextLength();

  /// The newest applied weights.
  WeightsId weights();

  /// Refuses a request that this policy cannot serve, before anything is generated.
  ///
  /// @throws IllegalArgumentException with a sentence that names the offending value
  default void check(Request request) {}

  /// Says that no request of a conversation will follow, so that nothing is kept for it.
  default void forget(String conversation) {}

  /// Sees each token as it is sampled, in order. Called on the policy's own thread: must not block.
  @FunctionalInterface
  interface TokenListener {
    void sampled(int id, float logprob, int version);

    /// The request no longer waits: it is in the batch. Not every policy says so.
    default void admitted() {}

    /// The same with the most probable ids beside it; [TopLogprobs#NONE] if none were asked for.
    default void sampled(int id, float logprob, int version, TopLogprobs top) {
      sampled(id, logprob, version);
    }
  }

  /// A prompt and how to go on from it.
  ///
  /// @param maxTokens bound on the generated ids, at least 1; 0 only scores the prompt
  /// @param stopIds ids that end the generation; the stop id is part of it
  /// @param timeout after which the generation ends as `ABORT` with the tokens so far
  /// @param topLogprobs how many of the most probable ids are reported at each position
  /// @param logprobIds ids that are reported at each position instead of the most probable ones
  /// @param promptLogprobs present if the prompt's own ids are scored, with as many of the most
  ///   probable ids at each position; nothing cached is used then
  /// @param constraint what the generated text must be
  /// @param conversation names the conversation whose next turn this is: what is computed for it
  ///   may be kept until the next request of that name, or until [Policy#forget]
  /// @param cacheSalt only requests with the same salt share what is computed of equal prompts
  /// @param logprobs whether anybody reads the log-probabilities of sampled ids; where nobody does,
  ///   a policy that would have to compute them apart may say others
  record Request(
      Tokens prompt,
      Sampling sampling,
      int maxTokens,
      Set<Integer> stopIds,
      Duration timeout,
      int topLogprobs,
      Tokens logprobIds,
      OptionalInt promptLogprobs,
      Optional<Constraint> constraint,
      Optional<String> conversation,
      Optional<String> cacheSalt,
      boolean logprobs) {
    public Request {
      stopIds = Set.copyOf(stopIds);
      if (prompt.isEmpty()) throw new IllegalArgumentException("prompt is empty");
      if (maxTokens < (promptLogprobs.isPresent() ? 0 : 1))
        throw new IllegalArgumentException("max_tokens < 1: " + maxTokens);
      if (sampling.minTokens() > maxTokens)
        throw new IllegalArgumentException(
            "min_tokens %d is above max_tokens %d".formatted(sampling.minTokens(), maxTokens));
      if (topLogprobs < 0) throw new IllegalArgumentException("top_logprobs < 0: " + topLogprobs);
      if (promptLogprobs.orElse(0) < 0)
        throw new IllegalArgumentException("prompt_logprobs < 0: " + promptLogprobs.getAsInt());
      if (topLogprobs > 0 && !logprobIds.isEmpty())
        throw new IllegalArgumentException(
            "top_logprobs %d and logprob_token_ids exclude each other".formatted(topLogprobs));
      if (constraint.isPresent() && !sampling.allowedIds().isEmpty())
        throw new IllegalArgumentException("allowed_token_ids and a constraint exclude each other");
      if (constraint.isPresent() && !sampling.badWords().isEmpty())
        throw new IllegalArgumentException("bad_words and a constraint exclude each other");
      if (!sampling.allowedIds().isEmpty()
          && sampling.minTokens() > 0
          && stopIds.containsAll(sampling.allowedIds()))
        throw new IllegalArgumentException(
            "allowed_token_ids has only stop ids, but min_tokens is " + sampling.minTokens());
    }

    /// Without a salt.
    public Request(
        Tokens prompt,
        Sampling sampling,
        int maxTokens,
        Set<Integer> stopIds,
        Duration timeout,
        int topLogprobs,
        Tokens logprobIds,
        OptionalInt promptLogprobs,
        Optional<Constraint> constraint,
        Optional<String> conversation) {
      this(
          prompt,
          sampling,
          maxTokens,
          stopIds,
          timeout,
          topLogprobs,
          logprobIds,
          promptLogprobs,
          constraint,
          conversation,
          Optional.empty(),
          true);
    }

    /// Plain generation.
    public Request(
        Tokens prompt, Sampling sampling, int maxTokens, Set<Integer> stopIds, Duration timeout) {
      this(
          prompt,
          sampling,
          maxTokens,
          stopIds,
          timeout,
          0,
          Tokens.NONE,
          OptionalInt.empty(),
          Optional.empty(),
          Optional.empty());
    }

    public Request withTopLogprobs(int value) {
      return new Request(
          prompt,
          sampling,
          maxTokens,
          stopIds,
          timeout,
          value,
          logprobIds,
          promptLogprobs,
          constraint,
          conversation,
          cacheSalt,
          logprobs);
    }

    public Request withLogprobIds(Tokens value) {
      return new Request(
          prompt,
          sampling,
          maxTokens,
          stopIds,
          timeout,
          topLogprobs,
          value,
          promptLogprobs,
          constraint,
          conversation,
          cacheSalt,
          logprobs);
    }

    public Request withPromptLogprobs(int value) {
      return new Request(
          prompt,
          sampling,
          maxTokens,
          stopIds,
          timeout,
          topLogprobs,
          logprobIds,
          OptionalInt.of(value),
          constraint,
          conversation,
          cacheSalt,
          logprobs);
    }

    public Request withConstraint(Constraint value) {
      return new Request(
          prompt,
          sampling,
          maxTokens,
          stopIds,
          timeout,
          topLogprobs,
          logprobIds,
          promptLogprobs,
          Optional.of(value),
          conversation,
          cacheSalt,
          logprobs);
    }

    public Request withConversation(String value) {
      return new Request(
          prompt,
          sampling,
          maxTokens,
          stopIds,
          timeout,
          topLogprobs,
          logprobIds,
          promptLogprobs,
          constraint,
          Optional.of(value),
          cacheSalt,
          logprobs);
    }

    public Request withCacheSalt(String value) {
      return new Request(
          prompt,
          sampling,
          maxTokens,
          stopIds,
          timeout,
          topLogprobs,
          logprobIds,
          promptLogprobs,
          constraint,
          conversation,
          Optional.of(value),
          logprobs);
    }

    public Request withoutLogprobs() {
      return new Request(
          prompt,
          sampling,
          maxTokens,
          stopIds,
          timeout,
          topLogprobs,
          logprobIds,
          promptLogprobs,
          constraint,
          conversation,
          cacheSalt,
          false);
    }
  }

  /// The policy itself failed (not the rollout): the rollout stops as `engine_error`.
  final class PolicyException extends Exception {
    private static final long serialVersionUID = 1;

    public PolicyException(String message) {
      super(message);
    }

    public PolicyException(String message, Throwable cause) {
      super(message, cause);
    }
  }
}
