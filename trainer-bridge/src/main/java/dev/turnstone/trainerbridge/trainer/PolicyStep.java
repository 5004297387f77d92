package dev.turnstone.trainerbridge.trainer;

import dev.turnstone.trainerbridge.algorithm.Critic;
import dev.turnstone.trainerbridge.algorithm.GeneralisedAdvantage;
import dev.turnstone.trainerbridge.algorithm.Objective;
import dev.turnstone.trainerbridge.algorithm.StepBatch;
import dev.turnstone.trainerbridge.algorithm.TokenRow;
import dev.turnstone.trainerbridge.algorithm.TokenTerms;
import dev.turnstone.trainerbridge.trainer.Learner.Outputs;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/// The objective over the rows of one training step: advantages, and the loss of each micro-batch.
///
/// All factors are over the whole step, so how it is split changes nothing.
final class PolicyStep {
  private final Objective objective;
  private final List<MicroBatch> batches;
  private final List<TargetSlice> slices;
  private final List<float[]> reference;
  private final int version;
  private final List<Outputs> old;
  private final List<double[]> advantages;
  private final List<double[]> returns;
  private final double[] factors;

  /// @param rollouts of the step
  /// @param outputs when the step begins, if advantages or a critic need them before [the first
  ///   loss][#loss]; else empty
  /// @param reference log-probabilities under the reference policy; empty if there is none
  /// @param version of the weights when the step begins
  PolicyStep(
      Objective objective,
      List<StepBatch.Scored> rollouts,
      List<MicroBatch> batches,
      List<Outputs> outputs,
      List<float[]> reference,
      int version) {
    this.objective = objective;
    this.batches = batches;
    this.slices = TargetSlice.of(batches);
    this.reference = reference;
    this.version = version;
    this.old = new ArrayList<>(outputs);
    var step = new StepBatch(rollouts, slices.stream().map(this::tokenRow).toList());
    this.advantages = objective.advantage().of(step);
    this.factors = objective.aggregation().factors(step.rows(), objective.constantLength());
    this.returns =
        objective.advantage() instanceof GeneralisedAdvantage estimate
            ? estimate.returns(step)
            : List.of();
  }

  private TokenRow tokenRow(TargetSlice slice) {
    return new TokenRow(
        slice.row().rollout(),
        slice.turns(),
        old.isEmpty() ? Optional.empty() : Optional.of(slice.of(old.get(slice.batch()).logprobs())),
        reference(slice),
        old.isEmpty() ? Optional.empty() : slice.of(old.get(slice.batch()).values()));
  }

  private Optional<double[]> reference(TargetSlice slice) {
    return reference.isEmpty()
        ? Optional.empty()
        : Optional.of(slice.of(reference.get(slice.batch())));
  }

  /// Whether anything pulls on the weights. Without a pull Adam's momentum would move them still.
  boolean signal() {
    return (objective.kl().coefficient() > 0 && !slices.isEmpty())
        || !returns.isEmpty()
        || advantages.stream().flatMapToDouble(Arrays::stream).anyMatch(a -> a != 0);
  }

  List<TokenBatch> tokens() {
    return batches.stream().map(MicroBatch::tokens).toList();
  }

  /// The share of one micro-batch in the loss. Called in order; the first call of a batch says what
  /// the old policy is, unless that was given.
  Learner.Pull loss(int batch, Outputs outputs) {
    if (batch == old.size()) old.add(outputs);
    float[] slopes = new float[outputs.logprobs().length];
    Optional<float[]> valueSlopes = outputs.values().map(values -> new float[values.length]);
    double loss = 0;
    for (int i = 0; i < slices.size(); i++) {
      if (slices.get(i).batch() != batch) continue;
      loss += add(policyTerms(i, outputs), factors[i], slices.get(i), slopes);
      if (valueSlopes.isEmpty()) continue;
      double factor = factors[i] * objective.advantage().critic().orElseThrow().coefficient();
      loss += add(valueTerms(i, outputs), factor, slices.get(i), valueSlopes.get());
    }
    return new Learner.Pull(loss, slopes, valueSlopes);
  }

  private TokenTerms policyTerms(int row, Outputs outputs) {
    TargetSlice slice = slices.get(row);
    double[] behaviour = slice.behaviour();
    double[] begun = slice.of(old.get(slice.batch()).logprobs());
    return objective.terms(
        slice.of(outputs.logprobs()),
        objective.proximal().of(begun, behaviour, slice.versions(), version),
        behaviour,
        reference(slice),
        advantages.get(row));
  }

  private TokenTerms valueTerms(int row, Outputs outputs) {
    TargetSlice slice = slices.get(row);
    Critic critic = objective.advantage().critic().orElseThrow();
    return critic.loss(
        slice.of(outputs.values().orElseThrow()),
        slice.of(old.get(slice.batch()).values().orElseThrow()),
        returns.get(row));
  }

  private static double add(TokenTerms terms, double factor, TargetSlice slice, float[] slopes) {
    for (int t = 0; t < slice.size(); t++)
      slopes[slice.start() + t] = (float) (factor * terms.slopes()[t]);
    return factor * Arrays.stream(terms.values()).sum();
  }
}
