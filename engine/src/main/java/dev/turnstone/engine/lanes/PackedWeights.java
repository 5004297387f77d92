package dev.turnstone.engine.lanes;

import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.IValue;
import dev.turnstone.engine.ForwardPass;
import dev.turnstone.engine.Model;
import dev.turnstone.engine.ModelConfig;
import dev.turnstone.engine.Parameters;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;

/// A model's weights shared out among lanes and packed.
final class PackedWeights implements ForwardPass.Weights {
  /// Columns of a share begin at multiples of this: what libtorch's kernels take at once.
  private static final int UNIT = 32;

  private final ModelConfig config;
  private final Libtorch torch;
  private final Optional<TileKernel> tiles;
  private final Elements elements;
  private final int lanes;
  private final Arena arena = Arena.ofShared();
  private final LargePages pages = new LargePages(arena);
  private final PtNDManager own = Model.newManager();
  private final Map<String, PtNDArray> named = new HashMap<>();
  private final List<Projection> projections = new ArrayList<>();
  private final List<PackedLayer> layers = new ArrayList<>();
  private final PtNDArray embedding;
  private final RmsNorm lastNorm;
  private final Projection head;

  /// Copies everything: the parameters may be closed afterwards.
  ///
  /// @param tiles multiplies, if it is there; else libtorch does
  PackedWeights(
      ModelConfig config,
      Libtorch torch,
      Optional<TileKernel> tiles,
      Elements elements,
      int lanes,
      Parameters parameters) {
    this.config = config;
    this.torch = torch;
    this.tiles = tiles;
    this.elements = elements;
    this.lanes = lanes;
    PtNDArray[] tensors = parameters.tensors();
    for (int i = 0; i < tensors.length; i++) named.put(parameters.names().get(i), tensors[i]);
    try {
      for (int layer = 0; layer < config.layers(); layer++)
        layers.add(layer("model.layers." + layer + "."));
      PtNDArray table = tensor("model.embed_tokens.weight");
      try (IValue value = IValue.listFrom(table)) {
        embedding = torch.run(own, "stack", value);
      }
      lastNorm = norm("model.norm.weight");
      head =
          projection(
              vocabularyShares(config, lanes),
              List.of(config.tied() ? table : tensor("lm_head.weight")),
              List.of());
    } catch (RuntimeException | Error e) {
      // What is packed so far has no other owner.
      close();
      throw e;
    }
    named.clear();
  }

  /// Columns of queries, keys and values side by side; a head is one lane's.
  static Shares qkvShares(ModelConfig config, int lanes) {
    int columns = (config.heads() + 2 * config.kvHeads()) * config.headDim();
    int headDim = config.headDim();
    int unit = headDim;
    while (unit % UNIT != 0) unit += headDim;
    return Shares.of(columns, lanes, unit);
  }

  static Shares hiddenShares(ModelConfig config, int lanes) {
    return Shares.of(config.hidden(), lanes, UNIT);
  }

  static Shares innerShares(ModelConfig config, int lanes) {
    return Shares.of(config.intermediate(), lanes, UNIT);
  }

  static Shares vocabularyShares(ModelConfig config, int lanes) {
    return Shares.of(config.vocabulary(), lanes, UNIT);
  }

  private PackedLayer layer(String at) {
    boolean post = config.family().postNorms();
    return new PackedLayer(
        norm(at + "input_layernorm.weight"),
        qkv(at + "self_attn."),
        config.family().queryKeyNorm()
            ? List.of(norm(at + "self_attn.q_norm.weight"), norm(at + "self_attn.k_norm.weight"))
            : List.of(),
        projection(hiddenShares(config, lanes), at + "self_attn.o_proj"),
        norm(at + (post ? "pre_feedforward_layernorm" : "post_attention_layernorm") + ".weight"),
        projection(innerShares(config, lanes), at + "mlp.gate_proj", at + "mlp.up_proj"),
        projection(hiddenShares(config, lanes), at + "mlp.down_proj"),
        post
            ? List.of(
                norm(at + "post_attention_layernorm.weight"),
                norm(at + "post_feedforward_layernorm.weight"))
            : List.of());
  }

  private Projection qkv(String at) {
    try (PtNDManager scratch = Model.newManager()) {
      Stream<String> parts = Stream.of("q_proj", "k_proj", "v_proj");
      List<String> names = parts.map(part -> at + part).toList();
      List<PtNDArray> biases =
          biases(names).isEmpty() ? List.of() : List.of(stack(biases(names), scratch));
      return projection(qkvShares(config, lanes), List.of(stack(weights(names), scratch)), biases);
    }
  }

  private Projection projection(Shares columns, String... names) {
    List<String> all = List.of(names);
    return projection(columns, weights(all), biases(all));
  }

  private Projection projection(Shares columns, List<PtNDArray> matrices, List<PtNDArray> biases) {
    Projection projection = pack(columns, matrices, biases);
    projections.add(projection);
    return projection;
  }

  private Projection pack(Shares columns, List<PtNDArray> matrices, List<PtNDArray> biases) {
    if (tiles.isEmpty()) return new TorchProjection(torch, elements, columns, matrices, biases);
    return new TileProjection(
        tiles.get(),
        elements,
        columns,
        (int) matrices.getFirst().getShape().get(1),
        matrices.stream().map(Libtorch::address).toList(),
        biases.stream().map(this::floats).toList(),
        pages);
  }

  private List<PtNDArray> weights(List<String> names) {
    return names.stream().map(name -> tensor(name + ".weight")).toList();
  }

  private List<PtNDArray> biases(List<String> names) {
    return names.stream()
        .flatMap(name -> Optional.ofNullable(named.get(name + ".bias")).stream())
        .toList();
  }

  private PtNDArray stack(List<PtNDArray> parts, PtNDManager into) {
    try (IValue list = IValue.listFrom(parts.toArray(PtNDArray[]::new))) {
      return torch.run(into, "stack", list);
    }
  }

  private RmsNorm norm(String name) {
    return new RmsNorm(floats(tensor(name)), config.family().normPlusOne(), config.normEps());
  }

  private float[] floats(PtNDArray tensor) {
    try (PtNDManager scratch = Model.newManager();
        IValue value = IValue.from(tensor)) {
      return torch.run(scratch, "widen", value).toFloatArray();
    }
  }

  private PtNDArray tensor(String name) {
    return Objects.requireNonNull(named.get(name), name);
  }

  List<PackedLayer> layers() {
    return layers;
  }

  /// The embedding's rows, in the type of activations.
  long embedding() {
    return Libtorch.address(embedding);
  }

  RmsNorm lastNorm() {
    return lastNorm;
  }

  Projection head() {
    return head;
  }

  @Override
  public void close() {
    projections.forEach(Projection::close);
    own.close();
    arena.close();
  }
}
