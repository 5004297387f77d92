package dev.turnstone.trainerbridge.trainer;

import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.engine.PtSymbolBlock;
import ai.djl.pytorch.jni.IValue;
import ai.djl.pytorch.jni.IValueUtils;
import ai.djl.pytorch.jni.JniUtils;
import dev.turnstone.engine.Model;
import dev.turnstone.engine.TorchScript;
import java.util.List;
import java.util.Map;

/// AdamW (arXiv 1711.05101) with betas 0.9 and 0.95 over a list of tensors, gradients clipped by
/// their common norm. Weight decay on matrices only.
final class AdamW implements AutoCloseable {
  private final PtNDManager manager = Model.newManager();
  private final PtSymbolBlock module;
  private final Settings settings;
  private final PtNDArray[] weights;
  private final PtNDArray[] firstMoments;
  private final PtNDArray[] secondMoments;
  private long steps;

  /// How it moves.
  ///
  /// @param clipNorm bound on the norm of all gradients together
  public record Settings(double learningRate, double weightDecay, double clipNorm) {}

  AdamW(List<PtNDArray> weights, Settings settings) {
    this.module =
        TorchScript.load(
            manager,
            "Optimizer",
            TorchScript.source(AdamW.class, "optimizer.torchscript", Map.of()));
    this.settings = settings;
    this.weights = weights.toArray(PtNDArray[]::new);
    this.firstMoments = zeros();
    this.secondMoments = zeros();
    for (PtNDArray weight : this.weights) weight.setRequiresGradient(true);
  }

  private PtNDArray[] zeros() {
    PtNDArray[] zeros = new PtNDArray[weights.length];
    for (int i = 0; i < zeros.length; i++)
      zeros[i] = (PtNDArray) manager.zeros(weights[i].getShape(), weights[i].getDataType());
    return zeros;
  }

  PtSymbolBlock module() {
    return module;
  }

  long steps() {
    return steps;
  }

  PtNDArray[] firstMoments() {
    return firstMoments;
  }

  PtNDArray[] secondMoments() {
    return secondMoments;
  }

  /// Goes on after so many steps.
  void resume(long steps) {
    this.steps = steps;
  }

  /// One step along the gradients there are, which are zero afterwards.
  ///
  /// @param rateFactor of the learning rate
  /// @return the gradients' norm before it was clipped
  double step(double rateFactor) {
    PtNDArray[] gradients = new PtNDArray[weights.length];
    for (int i = 0; i < weights.length; i++) gradients[i] = weights[i].getGradient();
    JniUtils.setGradMode(false);
    try (PtNDManager scratch = Model.newManager()) {
      double norm =
          run(scratch, "clip", IValue.listFrom(gradients), IValue.from(settings.clipNorm()))
              .getFloat();
      run(
          scratch,
          "adamw",
          IValue.listFrom(weights),
          IValue.listFrom(gradients),
          IValue.listFrom(firstMoments),
          IValue.listFrom(secondMoments),
          IValue.from(settings.learningRate() * rateFactor),
          IValue.from(settings.weightDecay()),
          IValue.from(++steps));
      return norm;
    } finally {
      JniUtils.setGradMode(true);
    }
  }

  private PtNDArray run(PtNDManager into, String method, IValue... arguments) {
    try (IValue result = IValueUtils.runMethod(module, method, arguments)) {
      return result.toTensor(into);
    } finally {
      for (IValue argument : arguments) argument.close();
    }
  }

  @Override
  public void close() {
    module.close();
    manager.close();
  }
}
