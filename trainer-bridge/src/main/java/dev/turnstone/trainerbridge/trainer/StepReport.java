package dev.turnstone.trainerbridge.trainer;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.trainerbridge.algorithm.PolicyLoss;
import dev.turnstone.trainerbridge.wire.GroupFrame;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;

/// Gathers the figures of one training step: of the whole step, of each environment, and of each
/// version lag.
public final class StepReport {
  private final List<GroupFrame> groups;
  private final TrainingRow.Of rows;
  private final int versionBefore;
  private final String lineage;
  private final PolicyLoss.Clip clip;
  private final Mismatch mismatch = new Mismatch();
  private final TokenFigures whole = new TokenFigures();
  private final SortedMap<Integer, TokenFigures> byLag = new TreeMap<>();
  private final SortedMap<String, TokenFigures> byEnvironment = new TreeMap<>();
  private final SortedMap<String, Integer> dropped = new TreeMap<>();
  private final int stalenessBound;
  private boolean optimized;
  private double loss;
  private double gradNorm;
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
    batch.forEach((row, position, at) -> {
      float rollout = row.row().logprobs().get(position);
      for (TokenFigures part : parts(row, position)) part.recomputed(logprobs[at], rollout);
    });
  }

  /// The whole step, and the parts of it that a token belongs to.
  private List<TokenFigures> parts(TrainingRow row, int position) {
    int lag = versionBefore - row.row().versions().get(position);
    String environment =
        groups.get(rows.rollouts().get(row.rollout()).group()).task().environment();
    return List.of(
        whole,
        byLag.computeIfAbsent(lag, _ -> new TokenFigures()),
        byEnvironment.computeIfAbsent(environment, _ -> new TokenFigures()));
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
  void optimized(List<MicroBatch> batches, Learner.Step inner, List<Learner.Outputs> old) {
    optimized = true;
    loss = inner.loss();
    gradNorm = inner.gradNorm();
    for (int i = 0; i < old.size(); i++) {
      float[] before = old.get(i).logprobs();
      float[] after = inner.outputs().get(i).logprobs();
      batches
          .get(i)
          .forEach((row, position, at) -> {
            double ratio = Math.exp(after[at] - before[at]);
            for (TokenFigures part : parts(row, position)) part.moved(ratio, clip);
          });
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
    RolloutFigures rollouts = new RolloutFigures(groups, versionBefore);
    Mismatch drift = whole.drift();
    ObjectNode node = JsonNodeFactory.instance.objectNode();
    node.put("step", step).put("version", version).put("lineage", lineage);
    node.put("seq", groups.getLast().seq());
    rollouts.write(node);
    writeDropped(node);
    node.put("tokens", rows.rows().stream().mapToLong(row -> row.row().trainable()).sum());
    node.put("loss", loss).put("grad_norm", gradNorm);
    node.put("clip_fraction", whole.clippedLow() + whole.clippedHigh());
    node.put("clip_low", whole.clippedLow()).put("clip_high", whole.clippedHigh());
    node.put("entropy", whole.entropy());
    node.put("mismatch_k1", mismatch.k1()).put("mismatch_k3", mismatch.k3());
    node.put("mismatch_abs", mismatch.meanAbsolute()).put("mismatch_tokens", mismatch.tokens());
    node.put("drift_k3", drift.k3()).put("effective_sample_size", drift.effectiveSampleSize());
    node.put("optimized", optimized);
    writeParts(node);
    node.put("train_ms", trainMillis).put("wait_ms", waitMillis).put("publish_ms", publishMillis);
    Alarms.of(mismatch, drift, gradNorm, rollouts.stalenessMax(), stalenessBound)
        .forEach(node.withArray("alarms")::add);
    return node;
  }

  private void writeParts(ObjectNode node) {
    ObjectNode lags = node.putObject("by_lag");
    byLag.forEach((lag, figures) -> figures.write(lags.putObject("" + lag)));
    Map<String, List<GroupFrame>> of =
        groups.stream()
            .collect(
                Collectors.groupingBy(
                    group -> group.task().environment(), TreeMap::new, Collectors.toList()));
    ObjectNode environments = node.putObject("by_environment");
    of.forEach((environment, theirs) -> {
      ObjectNode figures = environments.putObject(environment);
      new RolloutFigures(theirs, versionBefore).write(figures);
      byEnvironment.getOrDefault(environment, new TokenFigures()).write(figures);
      // A run has one environment, so what did not come was of it.
      if (of.size() == 1) writeDropped(figures);
    });
  }

  private void writeDropped(ObjectNode node) {
    ObjectNode reasons = node.putObject("groups_dropped");
    dropped.forEach(reasons::put);
  }
}
