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
  /// @param options what else is asked
  record Request(
      Tokens prompt,
      Sampling sampling,
      int maxTokens,
      Set<Integer> stopIds,
      Duration timeout,
      GenerationOptions options) {
    public Request {
      stopIds = Set.copyOf(stopIds);
      if (prompt.isEmpty()) throw new IllegalArgumentException("prompt is empty");
      if (maxTokens < (options.scores().prompt().isPresent() ? 0 : 1))
        throw new IllegalArgumentException("max_tokens < 1: " + maxTokens);
      if (sampling.minTokens() > maxTokens)
        throw new IllegalArgumentException(
            "min_tokens %d is above max_tokens %d".formatted(sampling.minTokens(), maxTokens));
      if (options.scores().top() < 0)
        throw new IllegalArgumentException("top_logprobs < 0: " + options.scores().top());
      if (options.scores().prompt().orElse(0) < 0)
        throw new IllegalArgumentException(
            "prompt_logprobs < 0: " + options.scores().prompt().getAsInt());
      if (options.scores().top() > 0 && !options.scores().named().isEmpty())
        throw new IllegalArgumentException(
            "top_logprobs %d and logprob_token_ids exclude each other"
                .formatted(options.scores().top()));
      if (options.constraint().isPresent() && !sampling.allowedIds().isEmpty())
        throw new IllegalArgumentException("allowed_token_ids and a constraint exclude each other");
      if (options.constraint().isPresent() && !sampling.badWords().isEmpty())
        throw new IllegalArgumentException("bad_words and a constraint exclude each other");
      if (!sampling.allowedIds().isEmpty()
          && sampling.minTokens() > 0
          && stopIds.containsAll(sampling.allowedIds()))
        throw new IllegalArgumentException(
            "allowed_token_ids has only stop ids, but min_tokens is " + sampling.minTokens());
    }

    /// Plain generation.
    public Request(
        Tokens prompt, Sampling sampling, int maxTokens, Set<Integer> stopIds, Duration timeout) {
      this(prompt, sampling, maxTokens, stopIds, timeout, GenerationOptions.NONE);
    }

    /// How many of the most probable ids are told at each position.
    public int topLogprobs() {
      return options.scores().top();
    }

    /// Ids that are told at each position instead of the most probable ones.
    public Tokens logprobIds() {
      return options.scores().named();
    }

    /// Present if the prompt's own ids are scored, with as many of the most probable ids at each
    /// position.
    public OptionalInt promptLogprobs() {
      return options.scores().prompt();
    }

    /// What the generated text must be.
    public Optional<Constraint> constraint() {
      return options.constraint();
    }

    /// Names the conversation whose next turn this is.
    public Optional<String> conversation() {
      return options.conversation();
    }

    /// With whom it shares what is computed of equal prompts.
    public Optional<String> cacheSalt() {
      return options.cacheSalt();
    }

    /// Whether anybody reads the log-probabilities of sampled ids.
    public boolean logprobs() {
      return options.logprobs();
    }

    /// The same, asked otherwise.
    public Request with(GenerationOptions value) {
      return new Request(prompt, sampling, maxTokens, stopIds, timeout, value);
    }

    public Request withScores(Scores value) {
      return with(options.withScores(value));
    }

    public Request withConstraint(Constraint value) {
      return with(options.withConstraint(Optional.of(value)));
    }

    public Request withConversation(String value) {
      return with(options.withConversation(value));
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
