package dev.turnstone.trainerbridge.trainer;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.engine.PtSymbolBlock;
import ai.djl.pytorch.jni.IValue;
import ai.djl.pytorch.jni.IValueUtils;
import dev.turnstone.engine.FloatTensor;
import dev.turnstone.engine.Model;
import dev.turnstone.engine.Parameters;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/// Trainable weights with their optimizer: the engine's forward pass with gradients, then AdamW.
///
/// It knows no objective: a [TokenLoss] says how each output moves the loss. Confined to one
/// thread. DJL collects gradients in one place per process, so there is one learner.
public final class Learner implements AutoCloseable {
  private final Model model;
  private final Parameters parameters;
  private final Optional<ValueHead> head;
  private final AdamW optimizer;

  /// What one step did.
  ///
  /// @param outputs of every micro-batch before the step
  record Step(double loss, double gradNorm, List<Outputs> outputs) {}

  /// What the model says of a micro-batch's targets.
  ///
  /// @param logprobs one per target
  /// @param values one per target; empty without a value head
  @SuppressWarnings("ArrayRecordComponent") // read by loops and dropped; never compared
  record Outputs(float[] logprobs, Optional<float[]> values) {}

  /// A loss and its derivative by every output.
  ///
  /// @param slopes by the log-probabilities
  /// @param valueSlopes by the values; empty without a value head
  @SuppressWarnings("ArrayRecordComponent")
  record Pull(double loss, float[] slopes, Optional<float[]> valueSlopes) {}

  /// What a step minimises: given the outputs of one micro-batch, its share of the loss.
  @FunctionalInterface
  interface TokenLoss {
    Pull of(int batch, Outputs outputs);
  }

  /// Takes over model and parameters, which must be f32, and closes them. The calling thread is the
  /// one that trains.
  ///
  /// @param valueHead whether the model gets one
  /// @param threads libtorch's threads
  public Learner(
      Model model, Parameters parameters, AdamW.Settings settings, boolean valueHead, int threads) {
    Model.prepareThread(threads);
    this.model = model;
    this.parameters = parameters;
    this.head = valueHead ? Optional.of(new ValueHead(model.config().hidden())) : Optional.empty();
    var trained = new ArrayList<>(List.of(parameters.tensors()));
    head.ifPresent(h -> trained.addAll(h.tensors()));
    this.optimizer = new AdamW(trained, settings);
  }

  /// What the present weights say of a micro-batch's targets, without gradients.
  Outputs outputs(TokenBatch batch) {
    try (PtNDManager scratch = Model.newManager()) {
      return split(run(scratch, batch, parameters, head), batch.size());
    }
  }

  /// Log-probabilities of a micro-batch's targets under other weights, without gradients.
  float[] logprobs(TokenBatch batch, Parameters others) {
    try (PtNDManager scratch = Model.newManager()) {
      return run(scratch, batch, others, Optional.empty()).toFloatArray();
    }
  }

  /// The same under the present weights.
  float[] logprobs(TokenBatch batch) {
    return logprobs(batch, parameters);
  }

  private PtNDArray run(
      PtNDManager scratch, TokenBatch batch, Parameters weights, Optional<ValueHead> judge) {
    var arguments = new ArrayList<IValue>();
    inputs(batch, scratch).forEach(input -> arguments.add(IValue.from(input)));
    judge.ifPresent(h -> arguments.add(IValue.listFrom(h.tensors().toArray(PtNDArray[]::new))));
    arguments.add(IValue.listFrom(weights.tensors()));
    String method = judge.isPresent() ? "judged" : "logprobs";
    IValue[] given = arguments.toArray(IValue[]::new);
    try (IValue result = IValueUtils.runMethod(model.module(), method, given)) {
      return result.toTensor(scratch);
    } finally {
      for (IValue argument : given) argument.close();
    }
  }

  private Outputs split(NDArray outputs, int targets) {
    float[] all = outputs.toFloatArray();
    if (head.isEmpty()) return new Outputs(all, Optional.empty());
    float[] logprobs = java.util.Arrays.copyOf(all, targets);
    return new Outputs(
        logprobs, Optional.of(java.util.Arrays.copyOfRange(all, targets, 2 * targets)));
  }

  /// One optimizer step over the sum of the micro-batches' losses.
  ///
  /// @param rateFactor of the learning rate
  Step step(List<TokenBatch> batches, TokenLoss loss, double rateFactor) {
    double sum = 0;
    var seen = new ArrayList<Outputs>();
    try (var gradients = Engine.getInstance().newGradientCollector()) {
      for (int i = 0; i < batches.size(); i++) {
        try (PtNDManager scratch = Model.newManager()) {
          NDArray outputs = forward(batches.get(i), scratch);
          Outputs read = split(outputs, batches.get(i).size());
          Pull pull = loss.of(i, read);
          NDArray slopes = scratch.create(slopes(pull)).reshape(outputs.getShape());
          gradients.backward(
              call(optimizer.module(), "pull", new NDList(outputs, slopes), scratch));
          sum += pull.loss();
          seen.add(read);
        }
      }
      return new Step(sum, optimizer.step(rateFactor), seen);
    }
  }

  private static float[] slopes(Pull pull) {
    if (pull.valueSlopes().isEmpty()) return pull.slopes();
    float[] values = pull.valueSlopes().get();
    float[] both = java.util.Arrays.copyOf(pull.slopes(), pull.slopes().length + values.length);
    System.arraycopy(values, 0, both, pull.slopes().length, values.length);
    return both;
  }

  private NDArray forward(TokenBatch batch, PtNDManager scratch) {
    NDList inputs = new NDList();
    inputs.addAll(inputs(batch, scratch));
    head.ifPresent(h -> addList("head[]", h.tensors(), inputs));
    addList("ws[]", List.of(parameters.tensors()), inputs);
    return call(model.module(), head.isPresent() ? "judged" : "logprobs", inputs, scratch);
  }

  private static void addList(String name, List<PtNDArray> tensors, NDList inputs) {
    for (PtNDArray tensor : tensors) {
      tensor.setName(name);
      inputs.add(tensor);
    }
  }

  /// DJL takes the method's name from the name of an extra array.
  private static NDArray call(
      PtSymbolBlock module, String method, NDList inputs, PtNDManager scratch) {
    NDArray name = scratch.zeros(new Shape(1));
    name.setName("module_method:" + method);
    inputs.add(name);
    return IValueUtils.forward(module, inputs, true).head();
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

  public Model model() {
    return model;
  }

  /// The weights' values, by Hugging Face name.
  public Map<String, FloatTensor> weights() {
    return parameters.toFloats();
  }

  long steps() {
    return optimizer.steps();
  }

  /// What a checkpoint needs besides [#weights]: the optimizer's moments as `m.NAME` and `v.NAME`,
  /// and the value head.
  Map<String, FloatTensor> moments() {
    var moments = new LinkedHashMap<String, FloatTensor>();
    List<String> names = names();
    for (int i = 0; i < names.size(); i++) {
      moments.put("m." + names.get(i), ValueHead.floats(optimizer.firstMoments()[i]));
      moments.put("v." + names.get(i), ValueHead.floats(optimizer.secondMoments()[i]));
    }
    head.ifPresent(h -> moments.putAll(h.values()));
    return moments;
  }

  private List<String> names() {
    var names = new ArrayList<>(parameters.names());
    if (head.isPresent()) names.addAll(ValueHead.NAMES);
    return names;
  }

  /// Puts back what [#moments] and [#steps] gave.
  void restore(Map<String, FloatTensor> moments, long steps) {
    List<String> names = names();
    for (int i = 0; i < names.size(); i++) {
      set(optimizer.firstMoments()[i], Objects.requireNonNull(moments.get("m." + names.get(i))));
      set(optimizer.secondMoments()[i], Objects.requireNonNull(moments.get("v." + names.get(i))));
    }
    head.ifPresent(h -> h.restore(moments));
    optimizer.resume(steps);
  }

  static void set(PtNDArray target, FloatTensor values) {
    target.set(values.toBuffer());
  }

  @Override
  public void close() {
    optimizer.close();
    head.ifPresent(ValueHead::close);
    parameters.close();
    model.close();
  }
}
