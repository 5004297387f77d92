package dev.turnstone.bench.engine;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.engine.FloatTensor;
import dev.turnstone.engine.ModelConfig;
import dev.turnstone.engine.Safetensors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.Stream;

/// A model folder with random bf16 weights of SmolLM2-135M's shape: speed does not ask what a model
/// has learnt. Its tokenizer is the tiny policy's, filled up with names for the other ids.
final class Checkpoint {
  static final ModelConfig SHAPE =
      ModelConfig.llama(49152, 576, 1536, 30, 9, 3, 64, 8192, 1e-5, 100_000, true);

  private static final ObjectMapper JSON = new ObjectMapper();

  private Checkpoint() {}

  static Path write(Path folder, long seed) throws IOException {
    Files.createDirectories(folder);
    Files.writeString(folder.resolve("config.json"), config());
    Safetensors.write(folder.resolve("model.safetensors"), values(seed), Safetensors.Dtype.BF16);
    Path tiny = Path.of(System.getProperty("turnstone.home", "."), "models", "tiny");
    for (String name : new String[] {"tokenizer_config.json", "chat_template.jinja"})
      Files.copy(tiny.resolve(name), folder.resolve(name));
    var tokenizer = (ObjectNode) JSON.readTree(tiny.resolve("tokenizer.json").toFile());
    var vocabulary = (ObjectNode) tokenizer.at("/model/vocab");
    for (int id = vocabulary.size(); id < SHAPE.vocabulary(); id++) vocabulary.put("<t" + id, id);
    JSON.writeValue(folder.resolve("tokenizer.json").toFile(), tokenizer);
    return folder;
  }

  private static String config() {
    ObjectNode config = JSON.createObjectNode();
    config.putArray("architectures").add("LlamaForCausalLM");
    return config
        .put("model_type", "llama")
        .put("torch_dtype", "bfloat16")
        .put("hidden_act", "silu")
        .put("vocab_size", SHAPE.vocabulary())
        .put("hidden_size", SHAPE.hidden())
        .put("intermediate_size", SHAPE.intermediate())
        .put("num_hidden_layers", SHAPE.layers())
        .put("num_attention_heads", SHAPE.heads())
        .put("num_key_value_heads", SHAPE.kvHeads())
        .put("head_dim", SHAPE.headDim())
        .put("max_position_embeddings", SHAPE.contextLength())
        .put("rms_norm_eps", SHAPE.normEps())
        .put("rope_theta", SHAPE.ropes().getFirst().theta())
        .put("tie_word_embeddings", SHAPE.tied())
        .toString();
  }

  private static Map<String, FloatTensor> values(long seed) {
    var random = new SplittableRandom(seed);
    var values = new LinkedHashMap<String, FloatTensor>();
    for (String name : SHAPE.parameterNames()) {
      var shape = SHAPE.shape(name);
      int size = shape.stream().mapToInt(Long::intValue).reduce(1, Math::multiplyExact);
      float[] data = new float[size];
      boolean norm = shape.size() == 1;
      // Uniform with the variance of a usual initialisation.
      for (int i = 0; i < size; i++)
        data[i] = norm ? 1 : (float) (random.nextDouble() - 0.5) * 0.1f;
      values.put(name, new FloatTensor(shape, data));
    }
    return values;
  }

  static void delete(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) Files.delete(file);
    }
  }
}
