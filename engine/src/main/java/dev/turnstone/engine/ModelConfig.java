package dev.turnstone.engine;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// Sizes of a Llama model, as in a Hugging Face `config.json`.
///
/// @param tied whether the head is the embedding
public record ModelConfig(
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

  public ModelConfig {
    if (heads % kvHeads != 0)
      throw new IllegalArgumentException(
          "num_attention_heads %d is no multiple of num_key_value_heads %d"
              .formatted(heads, kvHeads));
    if (headDim % 2 != 0) throw new IllegalArgumentException("head_dim is odd: " + headDim);
  }

  /// Reads `config.json` of a model folder.
  ///
  /// @throws ModelException if the file is missing, malformed, or names what is not supported
  public static ModelConfig read(Path folder) throws ModelException {
    if (!Files.isDirectory(folder)) throw new ModelException("no model folder at " + folder);
    Path file = folder.resolve("config.json");
    if (!Files.isRegularFile(file)) throw new ModelException("no config.json in " + folder);
    JsonNode json;
    try {
      json = new ObjectMapper().readTree(file.toFile());
    } catch (IOException e) {
      throw new ModelException(file + " is not readable JSON: " + e.getMessage(), e);
    }
    refuseUnsupported(file, json);
    int hidden = size(file, json, "hidden_size");
    int heads = size(file, json, "num_attention_heads");
    try {
      return new ModelConfig(
          size(file, json, "vocab_size"),
          hidden,
          size(file, json, "intermediate_size"),
          size(file, json, "num_hidden_layers"),
          heads,
          json.hasNonNull("num_key_value_heads") ? size(file, json, "num_key_value_heads") : heads,
          json.hasNonNull("head_dim") ? size(file, json, "head_dim") : hidden / heads,
          size(file, json, "max_position_embeddings"),
          json.path("rms_norm_eps").asDouble(1e-6),
          ropeTheta(json),
          json.path("tie_word_embeddings").asBoolean(false));
    } catch (IllegalArgumentException e) {
      throw new ModelException(file + ": " + e.getMessage(), e);
    }
  }

  private static void refuseUnsupported(Path file, JsonNode json) throws ModelException {
    String architecture = json.path("architectures").path(0).asText("none named");
    if (!architecture.equals("LlamaForCausalLM"))
      throw new ModelException(
          "%s: architecture %s is not supported; supported: LlamaForCausalLM"
              .formatted(file, architecture));
    JsonNode scaling = json.path("rope_scaling");
    if (scaling.isObject() && !scaling.path("rope_type").asText("default").equals("default"))
      throw new ModelException(file + ": rope_scaling " + scaling + " is not supported");
    for (String flag : List.of("attention_bias", "mlp_bias"))
      if (json.path(flag).asBoolean(false))
        throw new ModelException(file + ": " + flag + " is not supported");
    String activation = json.path("hidden_act").asText("silu");
    if (!activation.equals("silu"))
      throw new ModelException(file + ": hidden_act " + activation + " is not supported");
  }

  /// transformers 5 moved it into `rope_parameters`.
  private static double ropeTheta(JsonNode json) {
    return json.path("rope_theta")
        .asDouble(json.path("rope_parameters").path("rope_theta").asDouble(10_000));
  }

  private static int size(Path file, JsonNode json, String name) throws ModelException {
    JsonNode node = json.path(name);
    if (!node.canConvertToInt() || node.asInt() < 1)
      throw new ModelException("%s: %s is %s, not a positive number".formatted(file, name, node));
    return node.asInt();
  }

  /// Bytes of keys and values of one token.
  long kvBytesPerToken(int bytesPerValue) {
    return 2L * layers * kvHeads * headDim * bytesPerValue;
  }

  /// Names of the parameters in the order that `llama.torchscript` reads them.
  public List<String> parameterNames() {
    var names = new ArrayList<String>();
    names.add("model.embed_tokens.weight");
    names.add("model.norm.weight");
    for (int layer = 0; layer < layers; layer++)
      for (String part : LAYER_PARTS) names.add("model.layers." + layer + "." + part + ".weight");
    if (!tied) names.add("lm_head.weight");
    return names;
  }

  private static final List<String> LAYER_PARTS =
      List.of(
          "input_layernorm",
          "self_attn.q_proj",
          "self_attn.k_proj",
          "self_attn.v_proj",
          "self_attn.o_proj",
          "post_attention_layernorm",
          "mlp.gate_proj",
          "mlp.up_proj",
          "mlp.down_proj");

  /// The shape that a parameter must have.
  public List<Long> shape(String parameter) {
    String part = parameter.replaceFirst("^model\\.(layers\\.\\d+\\.)?", "");
    long attention = (long) heads * headDim;
    long keys = (long) kvHeads * headDim;
    long h = hidden;
    return switch (part) {
      case "embed_tokens.weight", "lm_head.weight" -> List.of((long) vocabulary, h);
      case "norm.weight", "input_layernorm.weight", "post_attention_layernorm.weight" -> List.of(h);
      case "self_attn.q_proj.weight" -> List.of(attention, h);
      case "self_attn.k_proj.weight", "self_attn.v_proj.weight" -> List.of(keys, h);
      case "self_attn.o_proj.weight" -> List.of(h, attention);
      case "mlp.gate_proj.weight", "mlp.up_proj.weight" -> List.of((long) intermediate, h);
      case "mlp.down_proj.weight" -> List.of(h, (long) intermediate);
      default -> throw new IllegalArgumentException("unknown parameter " + parameter);
    };
  }
}
