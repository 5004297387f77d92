package dev.turnstone.rollout;

import java.time.Duration;
import java.util.Optional;

/// Bounds of one rollout. Before each turn they are checked in this order, and the first one
/// reached is the reason: wall time, turns, generated tokens, context.
///
/// @param maxTurns turns of the policy
/// @param maxTurnTokens generated ids of one turn
/// @param maxTokens generated ids of the whole rollout
/// @param contextLength ids of prompt, generations and observations together
/// @param wallTime from the first turn to the last observation
/// @param maxConsecutiveErrors unreadable or failed tool calls in a row
public record RolloutLimits(
    int maxTurns,
    int maxTurnTokens,
    int maxTokens,
    int contextLength,
    Duration wallTime,
    int maxConsecutiveErrors) {
  public RolloutLimits {
    atLeastOne("max_turns", maxTurns);
    atLeastOne("max_turn_tokens", maxTurnTokens);
    atLeastOne("max_tokens", maxTokens);
    atLeastOne("context_length", contextLength);
    atLeastOne("max_consecutive_errors", maxConsecutiveErrors);
    if (!wallTime.isPositive())
      throw new IllegalArgumentException("wall_time is not positive: " + wallTime);
  }

  private static void atLeastOne(String name, int value) {
    if (value < 1) throw new IllegalArgumentException(name + " < 1: " + value);
  }

  /// The same bounds, with no more context than a policy has.
  RolloutLimits within(int policyContext) {
    return policyContext >= contextLength
        ? this
        : new RolloutLimits(
            maxTurns, maxTurnTokens, maxTokens, policyContext, wallTime, maxConsecutiveErrors);
  }

  /// The first limit that forbids another turn.
  public Optional<StopReason> reached(int turns, int generated, int length, Duration elapsed) {
    if (elapsed.compareTo(wallTime) >= 0) return Optional.of(StopReason.TIMEOUT);
    if (turns >= maxTurns) return Optional.of(StopReason.MAX_TURNS);
    if (generated >= maxTokens) return Optional.of(StopReason.MAX_TOKENS);
    if (length >= contextLength) return Optional.of(StopReason.CONTEXT_OVERFLOW);
    return Optional.empty();
  }

  /// Ids that the next turn may generate; positive unless a limit is reached.
  public int turnBudget(int generated, int length) {
    return Math.min(maxTurnTokens, Math.min(maxTokens - generated, contextLength - length));
  }

  /// Which bound ended a turn that ran to the end of its budget.
  StopReason truncation(int generated, int length) {
    return generated < maxTokens && length >= contextLength
        ? StopReason.CONTEXT_OVERFLOW
        : StopReason.MAX_TOKENS;
  }
}
