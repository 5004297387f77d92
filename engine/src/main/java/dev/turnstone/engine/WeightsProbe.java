package dev.turnstone.engine;

import dev.turnstone.rollout.Sampling;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.WeightsUpdate;
import java.util.List;
import java.util.Optional;

/// Asks new weights for the log-probabilities that a trainer says they give, before they serve.
/// Confined to the engine thread.
final class WeightsProbe {
  private final ForwardPass forward;
  private final Scheduler scheduler;
  private final ModelConfig model;
  private final int mostTokens;
  private final Sampler sampler = new Sampler();

  /// @param mostTokens of one step
  WeightsProbe(ForwardPass forward, Scheduler scheduler, ModelConfig model, int mostTokens) {
    this.forward = forward;
    this.scheduler = scheduler;
    this.model = model;
    this.mostTokens = mostTokens;
  }

  /// Why the weights are not those that the probe expects; empty if they are, or without a probe.
  Optional<String> objection(Optional<WeightsUpdate.Probe> probe, ForwardPass.Weights weights) {
    return probe.flatMap(asked -> objection(asked, weights));
  }

  private Optional<String> objection(WeightsUpdate.Probe probe, ForwardPass.Weights weights) {
    int[] ids = probe.ids().toArray();
    if (ids.length > model.contextLength())
      return Optional.of(
          "the probe has %d ids, more than the context of %d"
              .formatted(ids.length, model.contextLength()));
    for (int id : ids)
      if (id < 0 || id >= model.vocabulary())
        return Optional.of("the probe's id %d is not in [0, %d)".formatted(id, model.vocabulary()));
    try {
      return scheduler.lend(
          Math.ceilDiv(ids.length, Model.BLOCK), blocks -> judge(probe, weights, blocks));
    } catch (RuntimeException e) {
      return Optional.of("the probe could not be computed: " + e.getMessage());
    }
  }

  private Optional<String> judge(
      WeightsUpdate.Probe probe, ForwardPass.Weights weights, int[] blocks) {
    int count = probe.ids().size() - 1;
    double sum = 0;
    for (int first = 0; first < count; first += mostTokens) {
      int some = Math.min(mostTokens, count - first);
      LogitRows rows = forward.run(step(probe.ids(), first, some, blocks), weights);
      for (int i = 0; i < some; i++) {
        int at = first + i;
        int id = probe.ids().get(at + 1);
        float logprob = sampler.score(rows.row(i), Sampling.FULL, id, 0).logprob();
        if (!Float.isFinite(logprob))
          return Optional.of(
              "the probe's id %d at %d has log-probability %s".formatted(id, at + 1, logprob));
        sum += Math.abs(logprob - probe.logprobs().get(at));
      }
    }
    double mean = sum / count;
    if (mean <= probe.tolerance()) return Optional.empty();
    return Optional.of(
        "the probe's log-probabilities differ from those expected by %.4g on average, more than %s"
            .formatted(mean, probe.tolerance()));
  }

  private static StepBatch step(Tokens ids, int first, int count, int[] blocks) {
    int[] wanted = new int[count];
    for (int i = 0; i < count; i++) wanted[i] = i;
    int used = Math.ceilDiv(first + count, Model.BLOCK);
    var part = new StepBatch.Part(0, count, first, java.util.Arrays.copyOf(blocks, used));
    return new StepBatch(ids.slice(first, first + count).toArray(), List.of(part), wanted);
  }
}
