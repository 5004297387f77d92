package dev.turnstone.trainerbridge.trainer;

import dev.turnstone.trainerbridge.algorithm.Objective;
import java.nio.file.Path;
import java.time.Duration;

/// How the reference trainer trains.
///
/// @param model folder of the policy that training starts from, which is also the KL reference
/// @param directory of checkpoints, published weights and metrics
/// @param steps training steps in all, resumed ones included
/// @param innerSteps optimizer steps over one batch
/// @param finalLearningRate reached in a straight line at the last step
/// @param microBatchTokens padded tokens of one forward pass
/// @param threads of libtorch
/// @param patience for the next group
/// @param streamWeights whether weights go over the feed, to a server that does not see `directory`
public record TrainerConfig(
    Path model,
    Path directory,
    String run,
    int steps,
    int innerSteps,
    double learningRate,
    double finalLearningRate,
    double weightDecay,
    double clipNorm,
    Objective objective,
    int microBatchTokens,
    int threads,
    Duration patience,
    boolean streamWeights) {
  public TrainerConfig {
    atLeastOne("steps", steps);
    atLeastOne("inner-steps", innerSteps);
    atLeastOne("micro-batch-tokens", microBatchTokens);
    atLeastOne("threads", threads);
    if (!(learningRate > 0))
      throw new IllegalArgumentException("learning-rate is not positive: " + learningRate);
    if (!(finalLearningRate >= 0))
      throw new IllegalArgumentException("final-learning-rate < 0: " + finalLearningRate);
    if (!(clipNorm > 0))
      throw new IllegalArgumentException("clip-norm is not positive: " + clipNorm);
  }

  private static void atLeastOne(String name, int value) {
    if (value < 1) throw new IllegalArgumentException(name + " < 1: " + value);
  }

  /// The learning rate after `step` steps, as a share of the first one.
  double rateFactor(int step) {
    return 1 + (finalLearningRate / learningRate - 1) * step / steps;
  }

  AdamW.Settings optimizer() {
    return new AdamW.Settings(learningRate, weightDecay, clipNorm);
  }
}
