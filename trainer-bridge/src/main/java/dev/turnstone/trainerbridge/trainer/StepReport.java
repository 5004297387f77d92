package dev.turnstone.trainerbridge.trainer;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.Row;
import dev.turnstone.trainerbridge.algorithm.PolicyLoss;
import dev.turnstone.trainerbridge.wire.GroupFrame;
import java.util.Arrays;
import java.util.DoubleSummaryStatistics;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/// Gathers the figures of one training step.
public final class StepReport {
  private final List<GroupFrame> groups;
  private final TrainingRow.Of rows;
  private final int versionBefore;
  private final String lineage;
  private final PolicyLoss.Clip clip;
  private final Mismatch mismatch = new Mismatch();
  private final Mismatch drift = new Mismatch();
  private final SortedMap<Integer, Mismatch> driftByLag = new TreeMap<>();
  private final SortedMap<String, Integer> dropped = new TreeMap<>();
  private final int stalenessBound;
  private double surprise;
  private boolean optimized;
  private double loss;
  private double gradNorm;
  private long clippedLow;
  private long clippedHigh;
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
      PolicyLoss.Clip clip,
      int stalenessBound) {
    this.groups = groups;
    this.rows = rows;
    this.versionBefore = version;
    this.lineage = lineage;
    this.clip = clip;
    this.stalenessBound = stalenessBound;
  }

  /// Log-probabilities under the weights at the start of the step.
  void recomputed(MicroBatch batch, float[] logprobs) {
    batch.compare(logprobs, versionBefore, mismatch);
    drift.add(logprobs, batch.behaviour());
    batch.byVersion(
        logprobs,
        (older, trainer, rollout) ->
            driftByLag
                .computeIfAbsent(versionBefore - older, _ -> new Mismatch())
                .add(trainer, rollout));
    for (float logprob : logprobs) surprise -= logprob;
  }

  /// Groups that did not come since the step before, by reason.
  void dropped(String reason) {
    dropped.merge(reason, 1, Integer::sum);
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
        if (ratio < 1 - clip.low()) clippedLow++;
        if (ratio > 1 + clip.high()) clippedHigh++;
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

  /// The figures of the step; see docs/TRAINING.md for what each means.
  ObjectNode toJson() {
    ObjectNode node = JsonNodeFactory.instance.objectNode();
    node.put("step", step).put("version", version).put("lineage", lineage);
    node.put("seq", groups.getLast().seq());
    writeRollouts(node);
    node.put("tokens", rows.rows().stream().mapToLong(row -> row.row().trainable()).sum());
    node.put("loss", loss).put("grad_norm", gradNorm);
    node.put("clip_fraction", share(clippedLow + clippedHigh));
    node.put("clip_low", share(clippedLow)).put("clip_high", share(clippedHigh));
    node.put("entropy", drift.tokens() == 0 ? 0 : surprise / drift.tokens());
    node.put("mismatch_k1", mismatch.k1()).put("mismatch_k3", mismatch.k3());
    node.put("mismatch_abs", mismatch.meanAbsolute()).put("mismatch_tokens", mismatch.tokens());
    node.put("drift_k3", drift.k3()).put("effective_sample_size", drift.effectiveSampleSize());
    ObjectNode lags = node.putObject("drift_k3_by_lag");
    driftByLag.forEach((lag, one) -> lags.put("" + lag, one.k3()));
    node.put("staleness_max", stalenessMax()).put("optimized", optimized);
    node.put("train_ms", trainMillis).put("wait_ms", waitMillis).put("publish_ms", publishMillis);
    Alarms.of(mismatch, drift, gradNorm, stalenessMax(), stalenessBound)
        .forEach(node.withArray("alarms")::add);
    return node;
  }

  private double share(long tokens) {
    return compared == 0 ? 0 : (double) tokens / compared;
  }

  private void writeRollouts(ObjectNode node) {
    List<GroupFrame.GroupRow> rollouts =
        groups.stream()
            .flatMap(group -> group.rows().stream())
            .filter(row -> row.data().branch() == 0)
            .toList();
    DoubleSummaryStatistics rewards =
        rollouts.stream()
            .flatMap(row -> row.reward().stream())
            .mapToDouble(reward -> reward.value())
            .summaryStatistics();
    int[] lengths = rollouts.stream().mapToInt(row -> row.data().length()).sorted().toArray();
    node.put("reward_mean", rewards.getCount() == 0 ? 0 : rewards.getAverage());
    node.put("rollouts_scored", rewards.getCount());
    node.put("groups", groups.size()).put("groups_zero_variance", rows.groupsOfOneReward());
    ObjectNode reasons = node.putObject("groups_dropped");
    dropped.forEach(reasons::put);
    node.put("length_mean", Arrays.stream(lengths).average().orElse(0));
    node.put("length_p50", quantile(lengths, 0.5)).put("length_p95", quantile(lengths, 0.95));
    node.put("length_max", quantile(lengths, 1));
    node.put("tool_calls", groups.stream().mapToLong(group -> group.stats().toolCalls()).sum());
    ObjectNode stops = node.putObject("stops");
    rollouts.forEach(
        row -> stops.put(row.stop().wire(), stops.path(row.stop().wire()).asInt() + 1));
  }

  private static int quantile(int[] sorted, double share) {
    return sorted.length == 0 ? 0 : sorted[(int) Math.ceil(share * sorted.length) - 1];
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
