package dev.turnstone.trainerbridge.trainer;

import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.engine.PtSymbolBlock;
import dev.turnstone.engine.Model;
import dev.turnstone.engine.TorchScript;
import java.util.Map;

/// What the trainer minimises, and the step that does it: `objective.torchscript` with its
/// constants.
public final class Objective implements AutoCloseable {
  private final PtNDManager manager = Model.newManager();
  private final PtSymbolBlock module;

  /// The constants of the objective.
  ///
  /// @param clipLow the ratio may fall to 1 − this
  /// @param clipHigh the ratio may rise to 1 + this
  /// @param weightCap of the truncated importance weight between rollout and trainer
  /// @param klCoefficient of the k3 penalty; 0 turns it off
  record Constants(double clipLow, double clipHigh, double weightCap, double klCoefficient) {
    static final Constants DEFAULT = new Constants(0.2, 0.28, 2, 0);
  }

  Objective(Constants constants) {
    Map<String, String> names =
        Map.of(
            "CLIP_FLOOR", String.valueOf(1 - constants.clipLow()),
            "CLIP_CEILING", String.valueOf(1 + constants.clipHigh()),
            "WEIGHT_CAP", String.valueOf(constants.weightCap()),
            "KL_COEFFICIENT", String.valueOf(constants.klCoefficient()));
    String code = TorchScript.source(Objective.class, "objective.torchscript", names);
    this.module = TorchScript.load(manager, "Objective", code);
  }

  PtSymbolBlock module() {
    return module;
  }

  @Override
  public void close() {
    module.close();
    manager.close();
  }
}
