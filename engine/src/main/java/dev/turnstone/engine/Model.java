package dev.turnstone.engine;

import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.engine.PtSymbolBlock;
import ai.djl.pytorch.jni.IValue;
import ai.djl.pytorch.jni.IValueUtils;
import ai.djl.pytorch.jni.JniUtils;
import java.lang.foreign.MemorySegment;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;

/// The forward pass of one architecture at fixed sizes: compiled TorchScript and rotary tables, but
/// no weights. Serves the engine and the trainer alike.
public final class Model implements AutoCloseable {
  /// Tokens of one KV block.
  public static final int BLOCK = 16;

  private final ModelConfig config;
  private final Precision precision;
  private final PtNDManager manager;
  private final PtSymbolBlock module;
  private Optional<PtNDArray> cosines = Optional.empty(); // guarded by this
  private Optional<PtNDArray> sines = Optional.empty(); // guarded by this

  public Model(ModelConfig config, Precision precision) {
    this.config = config;
    this.precision = precision;
    this.manager = newManager();
    String code =
        TorchScript.source(Model.class, config.family().source(), constants(config, precision));
    this.module = TorchScript.load(manager, "Decoder", code);
  }

  /// A manager of native memory that its owner closes.
  public static PtNDManager newManager() {
    // DJL reports its use to a server of its own unless told not to.
    System.setProperty("OPT_OUT_TRACKING", "true");
    return (PtNDManager) NDManager.newBaseManager(ComputeDevice.chosen(), "PyTorch");
  }

  /// Sets libtorch up for the calling thread: both settings are the thread's own.
  ///
  /// The JIT's optimizer specialises a graph for the shapes it meets; ours change with every step,
  /// and doing it again costs more than it saves (bench/LOG.md).
  public static void prepareThread(int threads) {
    newManager().close(); // loads libtorch
    JniUtils.setNumThreads(threads);
    JniUtils.setGraphExecutorOptimize(false);
  }

  public ModelConfig config() {
    return config;
  }

  public Precision precision() {
    return precision;
  }

  public PtSymbolBlock module() {
    return module;
  }

  /// Made when first asked for.
  public synchronized PtNDArray cosines() {
    if (cosines.isEmpty()) cosines = Optional.of(rotary(Rope::cosines));
    return cosines.get();
  }

  public synchronized PtNDArray sines() {
    if (sines.isEmpty()) sines = Optional.of(rotary(Rope::sines));
    return sines.get();
  }

  /// Reads a folder's safetensors, checking names and shapes before anything is allocated.
  ///
  /// @throws ModelException naming the first difference
  public Parameters load(Path folder) throws ModelException {
    return load(folder, Safetensors.read(folder));
  }

  /// The same from one file.
  public Parameters loadFile(Path file) throws ModelException {
    return load(file, Safetensors.readFile(file));
  }

  /// The same for a forward pass, which needs no gradients: that saves a copy, or two.
  ForwardPass.Weights loadFor(ForwardPass forward, Path folder) throws ModelException {
    TensorMaker maker = forward.copies() ? this::mapped : this::tensor;
    return forward.prepare(parameters(folder, Safetensors.read(folder), maker));
  }

  private Parameters load(Path source, Map<String, Safetensors.Stored> stored)
      throws ModelException {
    return parameters(source, stored, this::trainable);
  }

  /// How a stored tensor becomes libtorch's.
  private interface TensorMaker {
    PtNDArray make(PtNDManager own, Safetensors.Stored stored);
  }

  private Parameters parameters(
      Path source, Map<String, Safetensors.Stored> stored, TensorMaker maker)
      throws ModelException {
    var shapes = new TreeMap<String, List<Long>>();
    stored.forEach((name, tensor) -> shapes.put(name, tensor.shape()));
    List<String> problems = Parameters.mismatches(config, shapes);
    if (!problems.isEmpty())
      throw new ModelException(
          source
              + ": "
              + problems.getFirst()
              + (problems.size() > 1 ? " (and %d more)".formatted(problems.size() - 1) : ""));
    PtNDManager own = newManager();
    try {
      var tensors = new ArrayList<PtNDArray>();
      for (String name : config.parameterNames())
        tensors.add(finite(source, name, Objects.requireNonNull(stored.get(name)), own, maker));
      return new Parameters(own, config.parameterNames(), tensors);
    } catch (ModelException e) {
      own.close();
      throw e;
    } catch (RuntimeException e) {
      own.close();
      throw new ModelException(source + ": libtorch refused the weights: " + e.getMessage(), e);
    }
  }

  /// Parameters with the given values, for training from scratch.
  public Parameters create(Map<String, FloatTensor> values) {
    PtNDManager own = newManager();
    var tensors = new ArrayList<PtNDArray>();
    for (String name : config.parameterNames()) {
      FloatTensor value = Objects.requireNonNull(values.get(name), name);
      Shape shape = new Shape(value.shape().stream().mapToLong(Long::longValue).toArray());
      tensors.add(
          (PtNDArray)
              own.create(value.bytes(Safetensors.Dtype.F32), shape, DataType.FLOAT32).duplicate());
    }
    return new Parameters(own, config.parameterNames(), tensors);
  }

  private PtNDArray finite(
      Path source, String name, Safetensors.Stored stored, PtNDManager own, TensorMaker maker)
      throws ModelException {
    boolean finite = FiniteValues.all(MemorySegment.ofBuffer(stored.data()), stored.dtype());
    PtNDArray tensor = maker.make(own, stored);
    // Rounding can make an infinity of what was none.
    if (finite && stored.dtype() == Safetensors.Dtype.F32 && precision == Precision.BF16)
      try (var scratch = newManager()) {
        finite = run(scratch, "finite", IValue.from(tensor)).toLongArray()[0] != 0;
      }
    if (!finite)
      throw new ModelException(
          "%s: parameter %s has a value that is not finite".formatted(source, name));
    return tensor;
  }

  private PtNDArray trainable(PtNDManager own, Safetensors.Stored stored) {
    return outOfInference(own, tensor(own, stored));
  }

  private PtNDArray tensor(PtNDManager own, Safetensors.Stored stored) {
    int bytes = stored.data().remaining();
    try (PtNDArray raw = own.create(stored.data(), new Shape(bytes), DataType.INT8)) {
      long[] shape = stored.shape().stream().mapToLong(Long::longValue).toArray();
      return run(
          own,
          "reinterpret",
          IValue.from(raw),
          IValue.from((long) stored.dtype().code()),
          IValue.listFrom(shape));
    }
  }

  /// The file's own pages where they hold what is wanted, else a copy.
  private PtNDArray mapped(PtNDManager own, Safetensors.Stored stored) {
    boolean same =
        stored.dtype().code() == precision.code() && stored.dtype().bytes() == Short.BYTES;
    if (!same || stored.offset() % Short.BYTES != 0 || ComputeDevice.chosen().isGpu())
      return tensor(own, stored);
    return run(
        own,
        "mapped",
        IValue.from(stored.file().toAbsolutePath().toString()),
        IValue.from((stored.offset() + stored.data().remaining()) / Short.BYTES),
        IValue.from(stored.offset() / Short.BYTES),
        IValue.from((long) stored.data().remaining() / Short.BYTES),
        IValue.listFrom(stored.shape().stream().mapToLong(Long::longValue).toArray()));
  }

  /// Replaces a tensor made by [#run] with a copy that gradients may use.
  private static PtNDArray outOfInference(PtNDManager into, PtNDArray tensor) {
    try (tensor) {
      var copy = (PtNDArray) tensor.duplicate();
      copy.attach(into);
      return copy;
    }
  }

  /// Runs a method of the module without gradients.
  PtNDArray run(PtNDManager into, String method, IValue... arguments) {
    try (IValue result = IValueUtils.runMethod(module, method, arguments)) {
      return result.toTensor(into);
    } finally {
      for (IValue argument : arguments) argument.close();
    }
  }

  private interface RotaryTable {
    float[] of(Rope rope, int positions, int headDim);
  }

  /// The tables of all rotary embeddings, `[ropes, positions, head dim / 2]`.
  private PtNDArray rotary(RotaryTable table) {
    int positions = config.contextLength();
    int half = config.headDim() / 2;
    FloatBuffer all = FloatBuffer.allocate(config.ropes().size() * positions * half);
    for (Rope rope : config.ropes()) all.put(table.of(rope, positions, config.headDim()));
    try (var scratch = newManager()) {
      var shape = new Shape(config.ropes().size(), positions, half);
      var array = (PtNDArray) scratch.create(all.array(), shape);
      return outOfInference(manager, run(scratch, "cast", IValue.from(array)));
    }
  }

  private static Map<String, String> constants(ModelConfig c, Precision precision) {
    List<LayerPart> parts = LayerPart.of(c);
    var constants = new HashMap<String, String>();
    for (LayerPart part : LayerPart.values()) constants.put(part.name(), "" + parts.indexOf(part));
    constants.put("HIDDEN", "" + c.hidden());
    constants.put("LAYERS", "" + c.layers());
    constants.put("LAYER_SIZE", "" + parts.size());
    constants.put("HEADS", "" + c.heads());
    constants.put("KV_HEADS", "" + c.kvHeads());
    constants.put("GROUP", "" + c.heads() / c.kvHeads());
    constants.put("HEAD_DIM", "" + c.headDim());
    constants.put("HALF", "" + c.headDim() / 2);
    constants.put("ATTENTION", "" + c.heads() * c.headDim());
    constants.put("WINDOW", "" + c.window());
    constants.put("SLIDING", "" + c.kinds().stream().map(kind -> kind.sliding() ? 1 : 0).toList());
    constants.put("ROPES", "" + c.kinds().stream().map(ModelConfig.Layer::rope).toList());
    constants.put("BLOCK", "" + BLOCK);
    constants.put("BLOCK_WIDTH", "" + BLOCK * c.kvHeads() * c.headDim());
    constants.put("HEAD", "" + (c.tied() ? 0 : c.parameterNames().size() - 1));
    constants.put("EPS", literal(c.normEps()));
    constants.put("SCALE", literal(c.attentionScale()));
    constants.put("EMBEDDING_SCALE", literal(c.embeddingScale()));
    constants.put("DTYPE", "" + precision.code());
    constants.put("DEVICE", ComputeDevice.literal());
    return constants;
  }

  private static String literal(double value) {
    return String.valueOf(value).replace('E', 'e');
  }

  @Override
  public void close() {
    module.close();
    manager.close();
  }
}
