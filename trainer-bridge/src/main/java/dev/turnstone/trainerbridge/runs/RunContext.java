package dev.turnstone.trainerbridge.runs;

import dev.turnstone.rollout.Environment;
import dev.turnstone.rollout.Rollout;
import dev.turnstone.rollout.WeightsId;
import dev.turnstone.trainerbridge.log.TrajectoryLog;
import dev.turnstone.trainerbridge.spec.PolicyIdentity;
import dev.turnstone.trainerbridge.weights.WeightsOutcome;
import dev.turnstone.trainerbridge.weights.WeightsUpload;
import dev.turnstone.trainerbridge.wire.WeightsRequest;
import java.io.IOException;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

/// What all runs of a server share.
///
/// @param environments by registered name
/// @param agents plays the rollouts that outside agents drive
/// @param weights applies what a run's trainer sends
/// @param uploads takes files of weights that a trainer sends
/// @param behind why this server does not serve the newest weights, if it does not
/// @param nanoTime a clock such as `System::nanoTime`
public record RunContext(
    TrajectoryLog log,
    Rollout.Agent agent,
    PolicyIdentity policy,
    Function<String, Optional<Environment>> environments,
    AgentDriver agents,
    Function<WeightsRequest, WeightsOutcome> weights,
    Uploads uploads,
    Supplier<Optional<String>> behind,
    LongSupplier nanoTime) {
  /// Begins an upload.
  @FunctionalInterface
  public interface Uploads {
    WeightsUpload begin() throws IOException;
  }

  /// Why this server admits nothing although a run might; empty while it does.
  Optional<String> paused() {
    return log.trouble().or(behind);
  }

  WeightsId applied() {
    return agent.policy().weights();
  }
}
