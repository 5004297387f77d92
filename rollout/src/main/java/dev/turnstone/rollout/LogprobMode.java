package dev.turnstone.rollout;

/// Under which distribution the log-probabilities of sampled tokens are recorded.
public enum LogprobMode {
  /// log_softmax(logits / temperature) over the whole vocabulary, before truncation, penalties,
  /// bias and masks: what a trainer recomputes. Greedy tokens are recorded at temperature 1.
  POLICY,
  /// The same at temperature 1.
  RAW,
  /// The distribution that the token was drawn from, after everything. Greedy tokens have 0.
  SAMPLED
}
