package dev.turnstone.engine;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.turnstone.engine.ModelConfig.Biases;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/// Reads a Hugging Face `config.json` with the defaults that transformers has for its architecture,
/// and refuses by name what the forward pass cannot do.
final class ConfigReader {
  /// A class of transformers, and what it takes for granted where its file says nothing.
  enum Architecture {
    LLAMA("LlamaForCausalLM", Family.LLAMA),
    SMOLLM3("SmolLM3ForCausalLM", Family.LLAMA),
    MISTRAL("MistralForCausalLM", Family.LLAMA),
    QWEN2("Qwen2ForCausalLM", Family.LLAMA),
    QWEN3("Qwen3ForCausalLM", Family.QWEN3),
    GEMMA3("Gemma3ForCausalLM", Family.GEMMA3);

    private final String className;
    private final Family family;

    Architecture(String className, Family family) {
      this.className = className;
      this.family = family;
    }
  }

  private final Architecture architecture;
  private final ConfigFields fields;

  private ConfigReader(Architecture architecture, ConfigFields fields) {
    this.architecture = architecture;
    this.fields = fields;
  }

  static ModelConfig read(Path folder) throws ModelException {
    if (!Files.isDirectory(folder)) throw new ModelException("no model folder at " + folder);
    Path file = folder.resolve("config.json");
    if (!Files.isRegularFile(file)) throw new ModelException("no config.json in " + folder);
    JsonNode json;
    try {
      json = new ObjectMapper().readTree(file.toFile());
    } catch (IOException e) {
      throw new ModelException(file + " is not readable JSON: " + e.getMessage(), e);
    }
    var fields = new ConfigFields(file, json);
    var reader = new ConfigReader(architecture(fields), fields);
    reader.refuseUnsupported();
    try {
      return reader.config();
    } catch (IllegalArgumentException e) {
      throw new ModelException(file + ": " + e.getMessage(), e);
    }
  }

  private static Architecture architecture(ConfigFields fields) throws ModelException {
    String name = fields.node("architectures").path(0).asText("none named");
    for (Architecture known : Architecture.values()) if (known.className.equals(name)) return known;
    String all =
        Arrays.stream(Architecture.values())
            .map(known -> known.className)
            .collect(Collectors.joining(", "));
    throw fields.refusal("architecture %s is not supported; supported: %s".formatted(name, all));
  }

  private void refuseUnsupported() throws ModelException {
    if (fields.has("quantization_config"))
      throw fields.refusal(
          "quantized weights (%s) are not supported"
              .formatted(fields.node("quantization_config").path("quant_method").asText("?")));
    boolean gelu = architecture.family.gelu();
    String name = gelu ? "hidden_activation" : "hidden_act";
    String expected = gelu ? "gelu_pytorch_tanh" : "silu";
    String activation = fields.node(name).asText(expected);
    if (!activation.equals(expected))
      throw fields.refusal(
          "%s %s is not supported in %s".formatted(name, activation, architecture.className));
    for (String cap : List.of("attn_logit_softcapping", "final_logit_softcapping"))
      if (fields.has(cap)) throw fields.refusal(cap + " is not supported");
    if (fields.flag("use_bidirectional_attention", false))
      throw fields.refusal("use_bidirectional_attention is not supported");
    if (fields.number("partial_rotary_factor", 1) != 1)
      throw fields.refusal("partial_rotary_factor is not supported");
  }

  private ModelConfig config() throws ModelException {
    int hidden = fields.size("hidden_size");
    int layers = fields.size("num_hidden_layers");
    int heads = fields.size("num_attention_heads");
    int headDim = headDim(hidden, heads);
    var ropes = new RopeReader(fields, architecture);
    var kinds = new LayerKinds(fields, architecture, layers);
    boolean gemma = architecture == Architecture.GEMMA3;
    double scalar = gemma ? fields.number("query_pre_attn_scalar", 256) : headDim;
    if (!(scalar > 0)) throw fields.refusal("query_pre_attn_scalar is " + scalar);
    return new ModelConfig(
        architecture.family,
        fields.size("vocab_size"),
        hidden,
        fields.size("intermediate_size"),
        layers,
        heads,
        fields.size("num_key_value_heads", heads),
        headDim,
        ropes.contextLength(),
        fields.number("rms_norm_eps", 1e-6),
        fields.flag("tie_word_embeddings", gemma || architecture == Architecture.SMOLLM3),
        biases(),
        1 / Math.sqrt(scalar),
        kinds.window(),
        kinds.all(),
        ropes.all());
  }

  private int headDim(int hidden, int heads) throws ModelException {
    return switch (architecture) {
      case QWEN3 -> fields.size("head_dim", 128);
      case GEMMA3 -> fields.size("head_dim", 256);
      default -> fields.size("head_dim", hidden / heads);
    };
  }

  private Biases biases() {
    boolean attention = fields.flag("attention_bias", false);
    return switch (architecture) {
      case QWEN2 -> new Biases(true, false, false);
      case MISTRAL -> Biases.NONE;
      case LLAMA, SMOLLM3 -> new Biases(attention, attention, fields.flag("mlp_bias", false));
      case QWEN3, GEMMA3 -> new Biases(attention, attention, false);
    };
  }
}
