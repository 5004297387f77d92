package dev.turnstone.engine;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;

/// Writes model folders with seeded random weights, for tests that need no trained model.
public final class RandomModel {
  public static final ModelConfig CONFIG =
      ModelConfig.llama(97, 32, 64, 2, 4, 2, 8, 256, 1e-5, 10_000, true);

  private RandomModel() {}

  public static Path write(Path folder, long seed) {
    try {
      Files.createDirectories(folder);
      Files.writeString(folder.resolve("config.json"), configJson(CONFIG));
      writeWeights(folder, CONFIG, seed, Safetensors.Dtype.F32);
      return folder;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static void writeWeights(Path folder, ModelConfig config, long seed, Safetensors.Dtype dtype)
      throws IOException {
    Files.createDirectories(folder);
    Safetensors.write(folder.resolve("model.safetensors"), values(config, seed), dtype);
  }

  static Map<String, FloatTensor> values(ModelConfig config, long seed) {
    RandomGenerator random = new SplittableRandom(seed);
    var values = new LinkedHashMap<String, FloatTensor>();
    for (String name : config.parameterNames()) {
      var shape = config.shape(name);
      float[] data =
          new float[(int) shape.stream().mapToLong(Long::longValue).reduce(1, (a, b) -> a * b)];
      boolean norm = shape.size() == 1;
      for (int i = 0; i < data.length; i++)
        data[i] = (float) (norm ? 1 + 0.1 * random.nextGaussian() : 0.25 * random.nextGaussian());
      values.put(name, new FloatTensor(shape, data));
    }
    return values;
  }

  static String configJson(ModelConfig c) {
    return """
    {"architectures": ["LlamaForCausalLM"], "vocab_size": %d, "hidden_size": %d,
     "intermediate_size": %d, "num_hidden_layers": %d, "num_attention_heads": %d,
     "num_key_value_heads": %d, "head_dim": %d, "max_position_embeddings": %d,
     "rms_norm_eps": %s, "rope_theta": %s, "tie_word_embeddings": %b}
    """
        .formatted(
            c.vocabulary(),
            c.hidden(),
            c.intermediate(),
            c.layers(),
            c.heads(),
            c.kvHeads(),
            c.headDim(),
            c.contextLength(),
            c.normEps(),
            c.ropes().getFirst().theta(),
            c.tied());
  }
}
