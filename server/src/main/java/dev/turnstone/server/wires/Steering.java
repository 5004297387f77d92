package dev.turnstone.server.wires;

import dev.turnstone.rollout.PausablePolicy;
import dev.turnstone.rollout.RunLength;
import dev.turnstone.rollout.TrainablePolicy.WeightsRejected;
import dev.turnstone.rollout.WeightsId;
import dev.turnstone.rollout.WeightsUpdate.Kv;
import dev.turnstone.rollout.WeightsUpdate.Pause;
import dev.turnstone.server.completion.Served;
import dev.turnstone.server.http.Refused;
import dev.turnstone.trainerbridge.runs.Runs;
import dev.turnstone.trainerbridge.weights.Weights;
import dev.turnstone.trainerbridge.weights.WeightsOutcome;
import dev.turnstone.trainerbridge.wire.WeightsRequest;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/// What trainers do to an engine over its own wire: stand still, forget, load weights from disk,
/// and give them a label.
///
/// A label is what a trainer calls a version; it is kept beside our own number and means nothing to
/// us, so setting one never touches a request.
public final class Steering {
  /// What weights are called before anybody has called them anything.
  private static final String UNLABELLED = "default";

  private static final int LABELS_KEPT = 256;

  private final Served served;
  private final Runs runs;
  private final Weights weights;
  private final Map<Integer, String> labels =
      new LinkedHashMap<>() {
        private static final long serialVersionUID = 1;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Integer, String> eldest) {
          return size() > LABELS_KEPT;
        }
      };

  public Steering(Served served, Runs runs, Weights weights) {
    this.served = served;
    this.runs = runs;
    this.weights = weights;
  }

  private PausablePolicy pausable() {
    if (served.policy() instanceof PausablePolicy policy) return policy;
    throw Refused.bad("the policy of this server cannot be paused");
  }

  void pause(Pause mode) throws InterruptedException {
    pausable().pause(mode);
  }

  void resume() throws InterruptedException {
    pausable().resume();
  }

  boolean paused() {
    return pausable().paused();
  }

  boolean forgetPrefixes(boolean restartRunning) throws InterruptedException {
    return pausable().forgetPrefixes(restartRunning);
  }

  /// Loads a folder of safetensors.
  ///
  /// @param label what the trainer calls these weights
  /// @throws Refused if they cannot serve; the old ones go on
  WeightsId load(String folder, Pause pause, Optional<String> label) {
    try {
      Path path = Path.of(folder);
      if (!path.isAbsolute()) throw Refused.bad("the path is not absolute: " + folder);
      WeightsId id = weights.identify(path);
      WeightsRequest request =
          new WeightsRequest(
              Optional.empty(),
              OptionalLong.empty(),
              id,
              path,
              Optional.of(pause),
              Optional.of(Kv.RECOMPUTE));
      return switch (runs.apply(request)) {
        case WeightsOutcome.Applied _ -> {
          label.ifPresent(name -> label(id.version(), name));
          yield id;
        }
        case WeightsOutcome.Refused(String why) -> throw Refused.bad(why);
        case WeightsOutcome.Busy(String why) -> throw Refused.busy(why, "busy");
      };
    } catch (WeightsRejected e) {
      throw Refused.bad(String.valueOf(e.getMessage()));
    } catch (InvalidPathException e) {
      throw Refused.bad("there is no path " + folder);
    }
  }

  /// Says what the trainer calls the weights that serve now.
  void label(String name) {
    label(served.policy().weights().version(), name);
  }

  private synchronized void label(int version, String name) {
    labels.put(version, name);
  }

  /// What the trainer calls the weights that serve now.
  String label() {
    return label(served.policy().weights().version());
  }

  /// What the trainer calls a version; without a label its number, and before any update `default`.
  synchronized String label(int version) {
    boolean first = version == 0 || served.policy().weights().lineage().equals("base");
    return labels.getOrDefault(version, first ? UNLABELLED : Integer.toString(version));
  }

  /// The labels of runs of versions.
  RunLength<String> labels(RunLength<Integer> versions) {
    RunLength.Builder<String> named = new RunLength.Builder<>();
    for (int i = 0; i < versions.values().size(); i++) {
      int end = i + 1 < versions.starts().size() ? versions.starts().get(i + 1) : versions.length();
      named.add(end - versions.starts().get(i), label(versions.values().get(i)));
    }
    return named.build();
  }
}
