package dev.turnstone.trainerbridge.algorithm;

import java.util.Optional;

/// The trained tokens of one row, in order; every array has one value per token.
///
/// @param rollout index into [StepBatch#rollouts]
/// @param turns number of the turn that each token belongs to, from 0, never falling
/// @param old log-probabilities under the trainer's policy when the step began
/// @param reference log-probabilities under the reference policy
/// @param values what the critic expects at each token
@SuppressWarnings("ArrayRecordComponent") // read by loops and dropped; never compared
public record TokenRow(
    int rollout,
    int[] turns,
    Optional<double[]> old,
    Optional<double[]> reference,
    Optional<double[]> values) {
  public TokenRow {
    old.ifPresent(array -> same("old", turns, array));
    reference.ifPresent(array -> same("reference", turns, array));
    values.ifPresent(array -> same("values", turns, array));
  }

  private static void same(String name, int[] turns, double[] array) {
    if (array.length != turns.length)
      throw new IllegalArgumentException(
          "%s has %d values for %d tokens".formatted(name, array.length, turns.length));
  }

  /// Trained tokens.
  public int size() {
    return turns.length;
  }

  /// Reward of every token: a turn's on its last token, and what the turns leave of the rollout's
  /// reward on the row's last token; so they add up to the reward.
  double[] tokenRewards(StepBatch.Scored rollout) {
    double[] rewards = new double[size()];
    double left = rollout.reward().orElse(0.0);
    for (int t = 0; t < size(); t++) {
      if (!endsTurn(t) || turns[t] >= rollout.turnRewards().size()) continue;
      rewards[t] = rollout.turnRewards().get(turns[t]);
      left -= rewards[t];
    }
    if (size() > 0) rewards[size() - 1] += left;
    return rewards;
  }

  private boolean endsTurn(int token) {
    return token + 1 == size() || turns[token + 1] != turns[token];
  }
}
