package dev.turnstone.engine;

import dev.turnstone.engine.ConfigReader.Architecture;
import java.util.ArrayList;
import java.util.List;

/// Which layers of a config slide over a window, and how each is rotated.
final class LayerKinds {
  private final ConfigFields fields;
  private final Architecture architecture;
  private final int layers;

  LayerKinds(ConfigFields fields, Architecture architecture, int layers) {
    this.fields = fields;
    this.architecture = architecture;
    this.layers = layers;
  }

  /// Width of the window; 0 if the model has none.
  int window() throws ModelException {
    return switch (architecture) {
      case LLAMA -> 0;
      // Only transformers' Mistral has a window that is there unless it is null.
      case MISTRAL ->
          fields.node("sliding_window").isNull() ? 0 : fields.size("sliding_window", 4096);
      case QWEN2, QWEN3 ->
          fields.flag("use_sliding_window", false) ? fields.size("sliding_window", 4096) : 0;
      case SMOLLM3 ->
          fields.flag("use_sliding_window", false) ? fields.size("sliding_window", 0) : 0;
      case GEMMA3 -> fields.size("sliding_window", 4096);
    };
  }

  List<ModelConfig.Layer> all() throws ModelException {
    boolean windowed = window() > 0;
    var kinds = new ArrayList<ModelConfig.Layer>();
    for (int layer = 0; layer < layers; layer++) {
      boolean sliding = windowed && slides(layer);
      kinds.add(new ModelConfig.Layer(sliding, rope(layer, sliding)));
    }
    return kinds;
  }

  private boolean slides(int layer) throws ModelException {
    if (architecture == Architecture.MISTRAL) return true;
    if (fields.has("layer_types")) return named(layer);
    return switch (architecture) {
      case QWEN2, QWEN3 -> layer >= fields.number("max_window_layers", 28);
      case SMOLLM3 -> !rotated(layer);
      case GEMMA3 -> (layer + 1) % fields.size("sliding_window_pattern", 6) != 0;
      case LLAMA, MISTRAL -> false;
    };
  }

  private boolean named(int layer) throws ModelException {
    String type = fields.node("layer_types").path(layer).asText("missing");
    return switch (type) {
      case "full_attention" -> false;
      case "sliding_attention" -> true;
      default ->
          throw fields.refusal(
              "layer type %s of layer %d is not supported; supported: full_attention, sliding_attention"
                  .formatted(type, layer));
    };
  }

  private int rope(int layer, boolean sliding) throws ModelException {
    return switch (architecture) {
      case GEMMA3 -> sliding ? 1 : 0;
      case SMOLLM3 -> rotated(layer) ? 0 : ModelConfig.NO_ROPE;
      default -> 0;
    };
  }

  /// SmolLM3 leaves every fourth layer without positions unless it says which.
  private boolean rotated(int layer) throws ModelException {
    if (!fields.has("no_rope_layers"))
      return (layer + 1) % fields.size("no_rope_layer_interval", 4) != 0;
    var rotated = fields.node("no_rope_layers").path(layer);
    if (!rotated.isInt()) throw fields.refusal("no_rope_layers says nothing about layer " + layer);
    return rotated.intValue() != 0;
  }
}
