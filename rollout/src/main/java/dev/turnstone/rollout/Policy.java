package dev.turnstone.rollout;

import java.time.Duration;
import java.util.Set;

/// Generates tokens from tokens: the embedded engine, or engines elsewhere.
public interface Policy {
  /// Generates after `prompt` and blocks until it has stopped.
  ///
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

  /// Sees each token as it is sampled, in order. Called on the policy's own thread: must not block.
  @FunctionalInterface
  interface TokenListener {
    void sampled(int id, float logprob, int version);
  }

  /// A prompt and how to go on from it.
  ///
  /// @param maxTokens bound on the generated ids, at least 1
  /// @param stopIds ids that end the generation; the stop id is part of it
  /// @param timeout after which the generation ends as `ABORT` with the tokens so far
  record Request(
      Tokens prompt, Sampling sampling, int maxTokens, Set<Integer> stopIds, Duration timeout) {
    public Request {
      stopIds = Set.copyOf(stopIds);
      if (prompt.isEmpty()) throw new IllegalArgumentException("prompt is empty");
      if (maxTokens < 1) throw new IllegalArgumentException("max_tokens < 1: " + maxTokens);
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
