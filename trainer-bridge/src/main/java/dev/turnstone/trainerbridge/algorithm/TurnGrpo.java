package dev.turnstone.trainerbridge.algorithm;

import com.google.auto.service.AutoService;
import java.util.Arrays;
import java.util.List;

/// GRPO with process supervision: turns are rewarded one by one (arXiv 2402.03300, §4.1.3).
@AutoService(Algorithm.class)
public final class TurnGrpo implements Algorithm {
  @Override
  public String name() {
    return "turn_grpo";
  }

  @Override
  public String summary() {
    return "A of a turn = sum of its and later turns normalised rewards; arXiv 2402.03300 section 4.1.3";
  }

  @Override
  public Objective objective() {
    return Objective.of(new TurnNormalised(), new ClippedSurrogate());
  }

  /// All turn rewards of a group are normalised together; a token's advantage is the sum of its
  /// turn's and the later ones. What the turns leave of the rollout's reward counts for its last
  /// turn.
  record TurnNormalised() implements AdvantageEstimator {
    @Override
    public Scope scope() {
      return Scope.GROUP;
    }

    @Override
    public List<double[]> of(StepBatch batch) {
      double[][] turns = new double[batch.rollouts().size()][];
      for (int[] group : batch.groups()) {
        for (int i : group) turns[i] = turnRewards(batch.rollouts().get(i), lastTurn(batch, i));
        double[] all =
            Arrays.stream(group).mapToObj(i -> turns[i]).flatMapToDouble(Arrays::stream).toArray();
        Moments moments = Moments.of(all);
        double divisor = moments.unbiased() + 1e-6;
        for (int i : group)
          turns[i] =
              moments.squares() == 0
                  ? new double[turns[i].length]
                  : fromHere(
                      Arrays.stream(turns[i]).map(r -> (r - moments.mean()) / divisor).toArray());
      }
      return batch.rows().stream().map(row -> onTokens(row, turns[row.rollout()])).toList();
    }

    private static int lastTurn(StepBatch batch, int rollout) {
      return batch.rows().stream()
          .filter(row -> row.rollout() == rollout && row.size() > 0)
          .mapToInt(row -> row.turns()[row.size() - 1])
          .max()
          .orElse(0);
    }

    private static double[] turnRewards(StepBatch.Scored rollout, int last) {
      if (rollout.reward().isEmpty() || rollout.baseline()) return new double[0];
      double[] rewards = new double[last + 1];
      double left = rollout.reward().get();
      for (int turn = 0; turn <= last && turn < rollout.turnRewards().size(); turn++) {
        rewards[turn] = rollout.turnRewards().get(turn);
        left -= rewards[turn];
      }
      rewards[last] += left;
      return rewards;
    }

    private static double[] fromHere(double[] rewards) {
      for (int turn = rewards.length - 2; turn >= 0; turn--) rewards[turn] += rewards[turn + 1];
      return rewards;
    }

    private static double[] onTokens(TokenRow row, double[] turns) {
      double[] advantages = new double[row.size()];
      for (int t = 0; t < row.size() && turns.length > 0; t++)
        advantages[t] = turns[row.turns()[t]];
      return advantages;
    }
  }
}
