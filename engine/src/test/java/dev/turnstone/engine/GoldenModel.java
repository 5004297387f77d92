package dev.turnstone.engine;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.turnstone.rollout.Tokens;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.StreamSupport;

/// A tiny model of some family and what transformers computes with it: tools/golden_families.py,
/// which makes the same weights out of the parameters' names.
record GoldenModel(String name, JsonNode json) {

  static List<GoldenModel> all() {
    try (InputStream in = GoldenModel.class.getResourceAsStream("/golden-families.json")) {
      JsonNode models = new ObjectMapper().readTree(in);
      return StreamSupport.stream(models.spliterator(), false)
          .map(model -> new GoldenModel(model.path("name").asText(), model))
          .toList();
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  Tokens prompt() {
    return tokens(json.path("prompt"));
  }

  Tokens greedy() {
    return tokens(json.path("greedy"));
  }

  double logprob(int i) {
    return json.path("logprobs").get(i).asDouble();
  }

  private static Tokens tokens(JsonNode ids) {
    return Tokens.of(
        StreamSupport.stream(ids.spliterator(), false).mapToInt(JsonNode::asInt).toArray());
  }

  /// Writes config and weights, in two shards with an index as large checkpoints have.
  Path write(Path folder) throws IOException {
    Files.createDirectories(folder);
    Files.writeString(folder.resolve("config.json"), json.path("config").toString());
    try {
      ModelConfig config = ModelConfig.read(folder);
      var shards =
          List.of(
              new LinkedHashMap<String, FloatTensor>(), new LinkedHashMap<String, FloatTensor>());
      List<String> names = config.parameterNames();
      for (int i = 0; i < names.size(); i++)
        shards.get(i % 2).put(names.get(i), values(names.get(i), config));
      var index = new ObjectMapper().createObjectNode();
      for (int i = 0; i < 2; i++) {
        String file = "model-0000%d-of-00002.safetensors".formatted(i + 1);
        Safetensors.write(folder.resolve(file), shards.get(i), Safetensors.Dtype.F32);
        for (String name : shards.get(i).keySet()) index.withObject("/weight_map").put(name, file);
      }
      Files.writeString(folder.resolve("model.safetensors.index.json"), index.toString());
      return folder;
    } catch (ModelException e) {
      throw new IOException(e);
    }
  }

  /// All of the model's weights.
  static Map<String, FloatTensor> weights(ModelConfig config) {
    var weights = new LinkedHashMap<String, FloatTensor>();
    for (String name : config.parameterNames()) weights.put(name, values(name, config));
    return weights;
  }

  private static FloatTensor values(String name, ModelConfig config) {
    List<Long> shape = config.shape(name);
    float[] values = new float[Math.toIntExact(shape.stream().reduce(1L, Math::multiplyExact))];
    boolean aroundOne = name.endsWith("norm.weight") && !config.family().normPlusOne();
    long seed = fnv1a(name);
    for (int i = 0; i < values.length; i++) {
      long z = mix(seed + (i + 1) * 0x9E3779B97F4A7C15L);
      float u = (float) (((z >>> 40) * 0x1p-24 - 0.5) * 0.5);
      values[i] = aroundOne ? (float) (u + 1.0) : u;
    }
    return new FloatTensor(shape, values);
  }

  private static long fnv1a(String name) {
    long hash = 0xCBF29CE484222325L;
    for (byte b : name.getBytes(StandardCharsets.US_ASCII)) hash = (hash ^ b) * 0x100000001B3L;
    return hash;
  }

  /// SplitMix64's output function.
  private static long mix(long z) {
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }

  @Override
  public String toString() {
    return name;
  }
}
