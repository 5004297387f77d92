package dev.turnstone.trainerbridge.trainer;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.engine.PtSymbolBlock;
import ai.djl.pytorch.jni.IValue;
import ai.djl.pytorch.jni.IValueUtils;
import ai.djl.pytorch.jni.JniUtils;
import dev.turnstone.engine.FloatTensor;
import dev.turnstone.engine.Model;
import dev.turnstone.engine.Parameters;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;

/// Trainable weights with their optimizer: the engine's forward pass with gradients, then AdamW.
///
/// Confined to one thread. DJL collects gradients in one place per process, so there is one
/// learner.
public final class Learner implements AutoCloseable {
  private final Model model;
  private final Parameters parameters;
  private final Objective objective;
  private final Optimizer optimizer;
  private final PtNDManager manager = Model.newManager();
  private final PtNDArray[] weights;
  private final PtNDArray[] firstMoments;
  private final PtNDArray[] secondMoments;
  private long steps;

  /// How AdamW moves.
  ///
  /// @param clipNorm bound on the norm of all gradients together
  public record Optimizer(double learningRate, double weightDecay, double clipNorm) {}

  /// What one step did.
  ///
  /// @param logprobs of the trained tokens before the step, one array per micro-batch
  record Step(double loss, double gradNorm, List<float[]> logprobs) {}

  /// Takes over model and parameters, which must be f32, and closes them. The calling thread is the
  /// one that trains.
  ///
  /// @param threads libtorch's threads
  public Learner(
      Model model,
      Parameters parameters,
      Objective.Constants constants,
      Optimizer optimizer,
      int threads) {
    Model.prepareThread(threads);
    this.model = model;
    this.parameters = parameters;
    this.objective = new Objective(constants);
    this.optimizer = optimizer;
    this.weights = parameters.tensors();
    this.firstMoments = zeros();
    this.secondMoments = zeros();
    for (PtNDArray weight : weights) weight.setRequiresGradient(true);
  }

  private PtNDArray[] zeros() {
    PtNDArray[] zeros = new PtNDArray[weights.length];
    for (int i = 0; i < zeros.length; i++)
      zeros[i] = (PtNDArray) manager.zeros(weights[i].getShape(), DataType.FLOAT32);
    return zeros;
  }

  /// Log-probabilities of a micro-batch's targets under the present weights, without gradients.
  float[] logprobs(TokenBatch batch) {
    return logprobs(batch, parameters);
  }

  /// Log-probabilities of a micro-batch's targets under other weights, without gradients.
  float[] logprobs(TokenBatch batch, Parameters others) {
    try (PtNDManager scratch = Model.newManager()) {
      IValue[] arguments = new IValue[7];
      List<PtNDArray> inputs = inputs(batch, scratch);
      for (int i = 0; i < inputs.size(); i++) arguments[i] = IValue.from(inputs.get(i));
      arguments[6] = IValue.listFrom(others.tensors());
      return run(scratch, model.module(), "logprobs", arguments).toFloatArray();
    }
  }

  /// One optimizer step over the policy objective; all micro-batches share one token mean.
  Step policyStep(List<PolicyBatch> batches, double rateFactor) {
    long tokens = batches.stream().mapToLong(b -> b.tokens().size()).sum();
    return step(
        batches,
        PolicyBatch::tokens,
        (batch, logprobs, scratch) -> {
          float[] old = batch.old().orElseGet(logprobs::toFloatArray);
          return new NDList(
              logprobs,
              scratch.create(old),
              scratch.create(batch.behaviour()),
              scratch.create(batch.reference().orElse(old)),
              scratch.create(batch.advantages()),
              scratch.create((float) tokens));
        },
        "loss",
        rateFactor);
  }

  /// One optimizer step over the likelihood of the targets.
  public double likelihoodStep(List<TokenBatch> batches, double rateFactor) {
    long tokens = batches.stream().mapToLong(TokenBatch::size).sum();
    return step(
            batches,
            Function.identity(),
            (_, logprobs, scratch) -> new NDList(logprobs, scratch.create((float) tokens)),
            "likelihood",
            rateFactor)
        .loss();
  }

  private interface LossInputs<B> {
    NDList of(B batch, NDArray logprobs, PtNDManager scratch);
  }

  private <B> Step step(
      List<B> batches,
      Function<B, TokenBatch> tokens,
      LossInputs<B> lossInputs,
      String method,
      double rateFactor) {
    double loss = 0;
    var seen = new ArrayList<float[]>();
    try (var gradients = Engine.getInstance().newGradientCollector()) {
      for (B batch : batches) {
        try (PtNDManager scratch = Model.newManager()) {
          NDList inputs = new NDList();
          inputs.addAll(inputs(tokens.apply(batch), scratch));
          for (PtNDArray weight : weights) {
            weight.setName("ws[]");
            inputs.add(weight);
          }
          NDArray logprobs = forward(model.module(), "logprobs", inputs, scratch);
          seen.add(logprobs.toFloatArray());
          NDList terms = lossInputs.of(batch, logprobs, scratch);
          NDArray value = forward(objective.module(), method, terms, scratch);
          loss += value.getFloat();
          gradients.backward(value);
        }
      }
      return new Step(loss, update(rateFactor), seen);
    }
  }

  /// DJL takes the method's name from the name of an extra array.
  private static NDArray forward(
      PtSymbolBlock module, String method, NDList inputs, PtNDManager scratch) {
    NDArray name = scratch.zeros(new Shape(1));
    name.setName("module_method:" + method);
    inputs.add(name);
    return IValueUtils.forward(module, inputs, true).head();
  }

  private double update(double rateFactor) {
    PtNDArray[] gradients = new PtNDArray[weights.length];
    for (int i = 0; i < weights.length; i++) gradients[i] = weights[i].getGradient();
    JniUtils.setGradMode(false);
    try (PtNDManager scratch = Model.newManager()) {
      double norm =
          run(
                  scratch,
                  objective.module(),
                  "clip",
                  IValue.listFrom(gradients),
                  IValue.from(optimizer.clipNorm()))
              .getFloat();
      run(
          scratch,
          objective.module(),
          "adamw",
          IValue.listFrom(weights),
          IValue.listFrom(gradients),
          IValue.listFrom(firstMoments),
          IValue.listFrom(secondMoments),
          IValue.from(optimizer.learningRate() * rateFactor),
          IValue.from(optimizer.weightDecay()),
          IValue.from(++steps));
      return norm;
    } finally {
      JniUtils.setGradMode(true);
    }
  }

  private List<PtNDArray> inputs(TokenBatch batch, PtNDManager scratch) {
    return List.of(
        (PtNDArray) scratch.create(batch.ids(), new Shape(batch.rows(), batch.length())),
        (PtNDArray) scratch.create(batch.predictors()),
        (PtNDArray) scratch.create(batch.targets()),
        (PtNDArray) scratch.create(batch.temperatures()),
        model.cosines(),
        model.sines());
  }

  private static PtNDArray run(
      PtNDManager into, PtSymbolBlock module, String method, IValue... arguments) {
    try (IValue result = IValueUtils.runMethod(module, method, arguments)) {
      return result.toTensor(into);
    } finally {
      for (IValue argument : arguments) argument.close();
    }
  }

  public Model model() {
    return model;
  }

  /// The weights' values, by Hugging Face name.
  public Map<String, FloatTensor> weights() {
    return parameters.toFloats();
  }

  long steps() {
    return steps;
  }

  /// The optimizer's moments, as `m.NAME` and `v.NAME`.
  Map<String, FloatTensor> moments() {
    var moments = new LinkedHashMap<String, FloatTensor>();
    for (int i = 0; i < weights.length; i++) {
      String name = parameters.names().get(i);
      List<Long> shape = model.config().shape(name);
      moments.put("m." + name, new FloatTensor(shape, firstMoments[i].toFloatArray()));
      moments.put("v." + name, new FloatTensor(shape, secondMoments[i].toFloatArray()));
    }
    return moments;
  }

  /// Puts back what [#moments] and [#steps] gave.
  void restore(Map<String, FloatTensor> moments, long steps) {
    for (int i = 0; i < weights.length; i++) {
      String name = parameters.names().get(i);
      set(firstMoments[i], Objects.requireNonNull(moments.get("m." + name)));
      set(secondMoments[i], Objects.requireNonNull(moments.get("v." + name)));
    }
    this.steps = steps;
  }

  private static void set(PtNDArray target, FloatTensor values) {
    target.set(values.toBuffer());
  }

  @Override
  public void close() {
    manager.close();
    objective.close();
    parameters.close();
    model.close();
  }
}
