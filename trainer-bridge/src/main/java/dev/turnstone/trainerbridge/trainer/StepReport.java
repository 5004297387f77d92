package dev.turnstone.trainerbridge.trainer;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.Row;
import dev.turnstone.trainerbridge.algorithm.PolicyLoss;
import dev.turnstone.trainerbridge.wire.GroupFrame;
import java.util.DoubleSummaryStatistics;
import java.util.List;

/// Gathers the figures of one training step.
public final class StepReport {
  private final List<GroupFrame> groups;
  private final TrainingRow.Of rows;
  private final int versionBefore;
  private final String lineage;
  private final PolicyLoss.Clip clip;
  private final Mismatch mismatch = new Mismatch();
  private final Mismatch drift = new Mismatch();
  private boolean optimized;
  private double loss;
  private double gradNorm;
  private long clipped;
  private long compared;
  private int step;
  private int version;
  private long trainMillis;
  private long waitMillis;
  private long publishMillis;

  StepReport(
      List<GroupFrame> groups,
      TrainingRow.Of rows,
      int version,
      String lineage,
      PolicyLoss.Clip clip) {
    this.groups = groups;
    this.rows = rows;
    this.versionBefore = version;
    this.lineage = lineage;
    this.clip = clip;
  }

  /// Log-probabilities under the weights at the start of the step.
  void recomputed(MicroBatch batch, float[] logprobs) {
    batch.compare(logprobs, versionBefore, mismatch);
    drift.add(logprobs, batch.behaviour());
  }

  /// Log-probabilities under the weights of an older version.
  void compared(MicroBatch batch, float[] logprobs, int older) {
    batch.compare(logprobs, older, mismatch);
  }

  /// @param old log-probabilities before the first inner step
  void optimized(Learner.Step inner, List<Learner.Outputs> old) {
    optimized = true;
    loss = inner.loss();
    gradNorm = inner.gradNorm();
    for (int i = 0; i < old.size(); i++)
      for (int token = 0; token < old.get(i).logprobs().length; token++) {
        double ratio =
            Math.exp(inner.outputs().get(i).logprobs()[token] - old.get(i).logprobs()[token]);
        if (clip.cuts(ratio)) clipped++;
        compared++;
      }
  }

  void trained(int step, int version, long trainMillis, long waitMillis) {
    this.step = step;
    this.version = version;
    this.trainMillis = trainMillis;
    this.waitMillis = waitMillis;
  }

  void published(long millis) {
    publishMillis = millis;
  }

  boolean optimized() {
    return optimized;
  }

  ObjectNode toJson() {
    var rewards = new DoubleSummaryStatistics();
    var lengths = new DoubleSummaryStatistics();
    long toolCalls = groups.stream().mapToLong(g -> g.stats().toolCalls()).sum();
    for (GroupFrame group : groups)
      group.rows().stream()
          .filter(row -> row.data().branch() == 0)
          .forEach(row -> {
            row.reward().ifPresent(reward -> rewards.accept(reward.value()));
            lengths.accept(row.data().length());
          });
    ObjectNode node = JsonNodeFactory.instance.objectNode();
    node.put("step", step).put("version", version).put("lineage", lineage);
    node.put("seq", groups.getLast().seq());
    node.put("reward_mean", rewards.getCount() == 0 ? 0 : rewards.getAverage());
    node.put("rollouts_scored", rewards.getCount());
    node.put("groups", groups.size()).put("groups_zero_variance", rows.groupsOfOneReward());
    node.put("tokens", rows.rows().stream().mapToLong(row -> row.row().trainable()).sum());
    node.put("length_mean", lengths.getAverage()).put("tool_calls", toolCalls);
    node.put("loss", loss).put("grad_norm", gradNorm);
    node.put("clip_fraction", compared == 0 ? 0 : (double) clipped / compared);
    node.put("mismatch_k1", mismatch.k1())
        .put("mismatch_k3", mismatch.k3())
        .put("mismatch_abs", mismatch.meanAbsolute());
    node.put("mismatch_tokens", mismatch.tokens());
    node.put("drift_k3", drift.k3())
        .put("effective_sample_size", drift.effectiveSampleSize())
        .put("staleness_max", stalenessMax());
    node.put("optimized", optimized);
    node.put("train_ms", trainMillis).put("wait_ms", waitMillis).put("publish_ms", publishMillis);
    return node;
  }

  private int stalenessMax() {
    return rows.rows().stream()
        .map(TrainingRow::row)
        .flatMap(row -> row.oldestVersion().stream())
        .filter(oldest -> oldest != Row.NOT_SAMPLED)
        .mapToInt(oldest -> versionBefore - oldest)
        .max()
        .orElse(0);
  }
}
