package dev.turnstone.engine;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/// What a model is made of: sizes and features of a decoder, as a Hugging Face `config.json` says.
///
/// @param contextLength positions that the model can tell apart
/// @param tied whether the head is the embedding
/// @param attentionScale what scores are multiplied by
/// @param window keys that a sliding layer sees, the query's own among them; 0 if none slides
/// @param kinds one per layer
/// @param ropes the rotary embeddings that layers choose from
public record ModelConfig(
    Family family,
    int vocabulary,
    int hidden,
    int intermediate,
    int layers,
    int heads,
    int kvHeads,
    int headDim,
    int contextLength,
    double normEps,
    boolean tied,
    Biases biases,
    double attentionScale,
    int window,
    List<Layer> kinds,
    List<Rope> ropes) {
  /// Of a layer without positions.
  public static final int NO_ROPE = -1;

  /// Which projections have a bias.
  ///
  /// @param output of attention
  public record Biases(boolean qkv, boolean output, boolean mlp) {
    public static final Biases NONE = new Biases(false, false, false);
  }

  /// How one layer attends.
  ///
  /// @param sliding whether it sees only the window
  /// @param rope index of its rotary embedding, or [#NO_ROPE]
  public record Layer(boolean sliding, int rope) {}

  public ModelConfig {
    kinds = List.copyOf(kinds);
    ropes = List.copyOf(ropes);
    if (heads % kvHeads != 0)
      throw new IllegalArgumentException(
          "num_attention_heads %d is no multiple of num_key_value_heads %d"
              .formatted(heads, kvHeads));
    if (headDim % 2 != 0) throw new IllegalArgumentException("head_dim is odd: " + headDim);
    if (kinds.size() != layers)
      throw new IllegalArgumentException(
          "%d layers, but kinds of %d".formatted(layers, kinds.size()));
    if (window < 1 && kinds.stream().anyMatch(Layer::sliding))
      throw new IllegalArgumentException("sliding_window is " + window + ", but a layer slides");
  }

  /// A plain Llama: no biases, every layer sees everything, one rotary embedding.
  public static ModelConfig llama(
      int vocabulary,
      int hidden,
      int intermediate,
      int layers,
      int heads,
      int kvHeads,
      int headDim,
      int contextLength,
      double normEps,
      double ropeTheta,
      boolean tied) {
    return new ModelConfig(
        Family.LLAMA,
        vocabulary,
        hidden,
        intermediate,
        layers,
        heads,
        kvHeads,
        headDim,
        contextLength,
        normEps,
        tied,
        Biases.NONE,
        1 / Math.sqrt(headDim),
        0,
        Collections.nCopies(layers, new Layer(false, 0)),
        List.of(Rope.of(ropeTheta)));
  }

  /// Reads `config.json` of a model folder.
  ///
  /// @throws ModelException if the file is missing, malformed, or names what is not supported
  public static ModelConfig read(Path folder) throws ModelException {
    return ConfigReader.read(folder);
  }

  /// What embeddings are multiplied by, before any rounding.
  public double embeddingScale() {
    return family.scaledEmbedding() ? Math.sqrt(hidden) : 1;
  }

  /// Bytes of keys and values of one token.
  long kvBytesPerToken(int bytesPerValue) {
    return 2L * layers * kvHeads * headDim * bytesPerValue;
  }

  /// Names of the parameters as checkpoints have them, in the order in which they are held:
  /// embedding, last norm, each layer's parts, then the head unless it is tied.
  public List<String> parameterNames() {
    var names = new ArrayList<String>();
    names.add("model.embed_tokens.weight");
    names.add("model.norm.weight");
    List<LayerPart> parts = LayerPart.of(this);
    for (int layer = 0; layer < layers; layer++)
      for (LayerPart part : parts) names.add("model.layers." + layer + "." + part.parameter());
    if (!tied) names.add("lm_head.weight");
    return names;
  }

  /// The shape that a parameter must have.
  public List<Long> shape(String parameter) {
    String name = parameter.replaceFirst("^model\\.(layers\\.\\d+\\.)?", "");
    return switch (name) {
      case "embed_tokens.weight", "lm_head.weight" -> List.of((long) vocabulary, (long) hidden);
      case "norm.weight" -> List.of((long) hidden);
      default ->
          LayerPart.of(this).stream()
              .filter(part -> part.parameter().equals(name))
              .findFirst()
              .orElseThrow(() -> new IllegalArgumentException("unknown parameter " + parameter))
              .shape(this);
    };
  }
}
