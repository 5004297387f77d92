package dev.turnstone.trainerbridge.weights;

import dev.turnstone.rollout.TrainablePolicy;
import dev.turnstone.rollout.TrainablePolicy.WeightsRejected;
import dev.turnstone.rollout.WeightsId;
import dev.turnstone.trainerbridge.log.WeightsTable;
import dev.turnstone.trainerbridge.weights.WeightsManifest.Kind;
import dev.turnstone.trainerbridge.weights.WeightsStore.Made;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/// Makes whole weights of an adapter or a delta and the base that it belongs to, in the store.
final class WholeWeights {
  private final WeightsTable log;
  private final TrainablePolicy policy;
  private final WeightsStore store;
  private final Optional<Known> initial;

  /// Full weights and where they are.
  private record Known(WeightsId id, Path folder) {}

  /// @param model folder of the weights that the policy has now, if it has one
  WholeWeights(WeightsTable log, TrainablePolicy policy, WeightsStore store, Optional<Path> model) {
    this.log = log;
    this.policy = policy;
    this.store = store;
    initial = model.map(folder -> new Known(policy.weights(), folder));
  }

  /// Where the weights are to which a part belongs. A delta belongs to those that serve.
  Path base(WeightsManifest part) throws WeightsRejected {
    WeightsId base = part.base().orElseThrow();
    if (part.kind() == Kind.DELTA && !base.equals(policy.weights()))
      throw new WeightsRejected(
          "the delta's base is version %d of lineage %s, but version %d of lineage %s serves"
              .formatted(
                  base.version(),
                  base.lineage(),
                  policy.weights().version(),
                  policy.weights().lineage()));
    return initial
        .filter(known -> known.id().equals(base))
        .map(Known::folder)
        .or(() -> log.find(base).map(WeightsTable.Stored::folder))
        .filter(Files::isDirectory)
        .orElseThrow(() ->
            new WeightsRejected(
                "the base, version %d of lineage %s, is not kept here"
                    .formatted(base.version(), base.lineage())));
  }

  /// Puts a part, whose bytes are checked, into its base.
  Made merged(WeightsManifest part, Path base, Path folder, WeightsId id) throws WeightsRejected {
    try {
      return store.make(
          id,
          made -> {
            Path model = made.resolve(WeightsFolder.MODEL);
            new MergedWeights(base, folder, part.scale()).write(model, part.kind());
            Files.copy(folder.resolve(WeightsManifest.NAME), made.resolve(WeightsManifest.NAME));
            Files.writeString(
                made.resolve(WeightsFolder.MERGED),
                WeightsFolder.manifest(id.lineage(), id.version(), model).write());
          });
    } catch (IOException e) {
      throw new WeightsRejected("the weights in %s could not be merged: %s".formatted(folder, e));
    } catch (IllegalArgumentException e) {
      throw new WeightsRejected(String.valueOf(e.getMessage()));
    } catch (InternalError fault) {
      throw ByteCheck.changed(fault);
    }
  }
}
