package dev.turnstone.upstream;

import dev.turnstone.rollout.Logprobs;
import dev.turnstone.rollout.WeightsUpdate.Probe;
import dev.turnstone.upstream.wire.EngineFault;
import java.time.Duration;

/// Asks one engine how probable a trainer's ids are under its new weights.
final class TrainerProbe {
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  private final Scorer scorer;

  TrainerProbe(Scorer scorer) {
    this.scorer = scorer;
  }

  /// Compares the engine's log-probabilities with the trainer's.
  ///
  /// @throws EngineFault if they differ by more than the trainer allows
  void check(Probe probe) throws EngineFault, InterruptedException {
    Logprobs scores = scorer.ask(scorer.question(probe.ids(), 0, 0, PATIENCE)).scores().logprobs();
    double sum = 0;
    for (int i = 1; i < probe.ids().size(); i++)
      sum += Math.abs(scores.get(i) - probe.logprobs().get(i - 1));
    double mean = sum / probe.logprobs().size();
    if (!(mean <= probe.tolerance()))
      throw EngineFault.broken(
          "the trainer's probe differs by %.4f nats on average, more than %s"
              .formatted(mean, probe.tolerance()));
  }
}
