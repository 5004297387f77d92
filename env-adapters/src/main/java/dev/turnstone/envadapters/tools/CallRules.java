package dev.turnstone.envadapters.tools;

import java.util.Locale;

/// How a tool may be called.
///
/// @param idempotent whether a call may be repeated after a failure of the service
/// @param parallel whether calls of one turn may run beside each other
/// @param concurrency calls in flight over all rollouts; 0 is without bound
/// @param ratePerSecond calls started over all rollouts; 0 is without bound
public record CallRules(
    boolean idempotent, boolean parallel, int concurrency, double ratePerSecond, Output output) {

  /// What the policy sees of a long answer.
  ///
  /// @param maxTokens of the policy
  public record Output(int maxTokens, Keep keep) {}

  /// Which end of a long answer is kept.
  public enum Keep {
    HEAD,
    MIDDLE,
    TAIL;

    public String wire() {
      return name().toLowerCase(Locale.ROOT);
    }
  }
}
