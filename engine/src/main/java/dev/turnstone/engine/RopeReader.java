package dev.turnstone.engine;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.engine.ConfigReader.Architecture;
import java.util.List;
import java.util.OptionalDouble;

/// Reads rotary embeddings out of a config: `rope_theta` and `rope_scaling` of transformers 4, or
/// `rope_parameters` of 5.
final class RopeReader {
  private final ConfigFields fields;
  private final Architecture architecture;

  RopeReader(ConfigFields fields, Architecture architecture) {
    this.fields = fields;
    this.architecture = architecture;
  }

  /// One; two for Gemma: of layers that see everything, and of those that slide.
  List<Rope> all() throws ModelException {
    if (architecture != Architecture.GEMMA3)
      return List.of(
          rope(parameters(), "rope_theta", architecture == Architecture.SMOLLM3 ? 2e6 : 1e4));
    ConfigFields both = fields.inner("rope_parameters");
    ConfigFields full =
        fields.has("rope_scaling") ? fields.inner("rope_scaling") : both.inner("full_attention");
    return List.of(
        rope(full, "rope_theta", 1e6),
        rope(both.inner("sliding_attention"), "rope_local_base_freq", 1e4));
  }

  private ConfigFields parameters() {
    return fields.inner(fields.has("rope_scaling") ? "rope_scaling" : "rope_parameters");
  }

  /// What the model was made for; with YaRN, which says so by its factor, what it was stretched to.
  int contextLength() throws ModelException {
    int said = fields.size("max_position_embeddings");
    return all().getFirst().scaling() instanceof Rope.Scaling.Yarn yarn
        ? (int) Math.max(said, yarn.original() * yarn.factor())
        : said;
  }

  /// @param older the field of the whole config that has theta if the parameters have not
  private Rope rope(ConfigFields parameters, String older, double otherwise) throws ModelException {
    double theta = parameters.number("rope_theta", fields.number(older, otherwise));
    if (!(theta > 1)) throw fields.refusal("rope_theta is " + theta + ", not above 1");
    if (parameters.number("partial_rotary_factor", 1) != 1)
      throw fields.refusal("partial_rotary_factor is not supported");
    return new Rope(theta, scaling(parameters));
  }

  private Rope.Scaling scaling(ConfigFields parameters) throws ModelException {
    JsonNode type = parameters.node("rope_type");
    String name = type.asText(parameters.node("type").asText("default"));
    return switch (name) {
      case "default" -> new Rope.Scaling.None();
      case "linear" -> new Rope.Scaling.Linear(factor(parameters));
      case "llama3" ->
          new Rope.Scaling.Llama3(
              factor(parameters),
              parameters.number("low_freq_factor"),
              parameters.number("high_freq_factor"),
              original(parameters));
      case "yarn" -> yarn(parameters);
      default ->
          throw fields.refusal(
              "rope scaling %s is not supported; supported: default, linear, llama3, yarn"
                  .formatted(name));
    };
  }

  private double factor(ConfigFields parameters) throws ModelException {
    double factor = parameters.number("factor");
    if (!(factor > 0)) throw fields.refusal("factor of the rope scaling is " + factor);
    return factor;
  }

  private int original(ConfigFields parameters) throws ModelException {
    return parameters.size(
        "original_max_position_embeddings", fields.size("max_position_embeddings"));
  }

  private Rope.Scaling yarn(ConfigFields parameters) throws ModelException {
    int original = original(parameters);
    double factor =
        parameters.has("factor")
            ? factor(parameters)
            : (double) fields.size("max_position_embeddings") / original;
    return new Rope.Scaling.Yarn(
        factor,
        original,
        nonZero(parameters.number("beta_fast", 0)).orElse(32),
        nonZero(parameters.number("beta_slow", 0)).orElse(1),
        parameters.number("attention_factor", attentionFactor(factor, parameters)),
        parameters.flag("truncate", true));
  }

  private static double attentionFactor(double factor, ConfigFields parameters)
      throws ModelException {
    double scale = parameters.number("mscale", 0);
    double all = parameters.number("mscale_all_dim", 0);
    return scale != 0 && all != 0
        ? magnitude(factor, scale) / magnitude(factor, all)
        : magnitude(factor, 1);
  }

  private static double magnitude(double factor, double scale) {
    return factor <= 1 ? 1 : 0.1 * scale * Math.log(factor) + 1;
  }

  private static OptionalDouble nonZero(double value) {
    return value == 0 ? OptionalDouble.empty() : OptionalDouble.of(value);
  }
}
