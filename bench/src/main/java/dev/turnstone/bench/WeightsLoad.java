package dev.turnstone.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.engine.Engine;
import dev.turnstone.engine.EngineConfig;
import dev.turnstone.engine.Precision;
import dev.turnstone.rollout.WeightsId;
import dev.turnstone.rollout.WeightsUpdate.Kv;
import dev.turnstone.rollout.WeightsUpdate.Pause;
import dev.turnstone.trainerbridge.log.TrajectoryLog;
import dev.turnstone.trainerbridge.weights.Weights;
import dev.turnstone.trainerbridge.weights.WeightsFolder;
import dev.turnstone.trainerbridge.weights.WeightsFolder.Published;
import dev.turnstone.trainerbridge.weights.WeightsOutcome;
import dev.turnstone.trainerbridge.wire.WeightsRequest;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.SplittableRandom;
import java.util.stream.Stream;

/// Publishing and applying a model of 135 M bf16 parameters (SmolLM2-135M's shapes, random values):
/// written, hashed, checked, loaded, swapped and kept.
final class WeightsLoad implements Benchmark {
  private static final int LAYERS = 30;
  private static final int HIDDEN = 576;
  private static final int KEYS = 192;
  private static final int INNER = 1536;
  private static final int VOCABULARY = 49_152;
  private static final int ROUNDS = 5;

  /// Written at a time: Java copies arrays to native memory before it writes them.
  private static final int PIECE = 1 << 20;

  private static final String CONFIG =
      """
      {"architectures":["LlamaForCausalLM"],"model_type":"llama","hidden_size":576,
       "intermediate_size":1536,"num_hidden_layers":30,"num_attention_heads":9,
       "num_key_value_heads":3,"vocab_size":49152,"max_position_embeddings":2048,
       "rms_norm_eps":1e-05,"rope_theta":100000.0,"tie_word_embeddings":true,
       "hidden_act":"silu","torch_dtype":"bfloat16","bos_token_id":1,"eos_token_id":2}
      """;

  @Override
  public String name() {
    return "weights";
  }

  @Override
  public String summary() {
    return "[--precision bf16|f32]: publishing and applying 135 M bf16 parameters";
  }

  @Override
  public ObjectNode run(List<String> arguments) throws Exception {
    Path memory = Path.of("/dev/shm");
    Path folder =
        Files.isWritable(memory)
            ? Files.createTempDirectory(memory, "turnstone-weights")
            : Files.createTempDirectory("turnstone-weights");
    try {
      return measure(folder, precision(arguments));
    } finally {
      delete(folder);
    }
  }

  private static Precision precision(List<String> arguments) {
    if (arguments.isEmpty()) return Precision.BF16;
    if (arguments.equals(List.of("--precision", "f32"))) return Precision.F32;
    if (arguments.equals(List.of("--precision", "bf16"))) return Precision.BF16;
    throw new IllegalArgumentException("not --precision f32 or bf16: " + arguments);
  }

  private static ObjectNode measure(Path folder, Precision precision) throws Exception {
    Path model = Files.createDirectory(folder.resolve("model"));
    Files.writeString(model.resolve("config.json"), CONFIG);
    byte[] whole = safetensors();
    Files.write(model.resolve("model.safetensors"), whole);
    WeightsFolder publisher = new WeightsFolder(folder.resolve("published"));
    WeightsId initial = new WeightsId("base", 0, "0".repeat(64));
    long best = Long.MAX_VALUE;
    ObjectNode figures = new ObjectMapper().createObjectNode();
    try (Engine engine =
            Engine.load(model, initial, EngineConfig.DEFAULT.withPrecision(precision));
        TrajectoryLog log = TrajectoryLog.open(folder.resolve("log"))) {
      Weights weights = Weights.open(log, engine, List.of(folder));
      for (int version = 1; version <= ROUNDS; version++) {
        long started = System.nanoTime();
        Published published = publisher.publish("l", version, file -> write(file, whole));
        long made = System.nanoTime();
        WeightsOutcome outcome =
            weights.apply(request(published), Pause.KEEP, Kv.RECOMPUTE, Optional::empty);
        long applied = System.nanoTime();
        if (!(outcome instanceof WeightsOutcome.Applied done))
          throw new IllegalStateException("the weights were not applied: " + outcome);
        if (applied - started >= best) continue;
        best = applied - started;
        figures
            .put("total_ms", best / 1_000_000)
            .put("publish_ms", (made - started) / 1_000_000)
            .put("apply_ms", (applied - made) / 1_000_000)
            .put("load_ms", done.update().loadMillis())
            .put("pause_ms", done.update().pauseMillis());
      }
    }
    figures.put("precision", precision.name().toLowerCase(Locale.ROOT));
    return figures.put("parameters", (whole.length - 8) / 2).put("rounds", ROUNDS);
  }

  private static WeightsRequest request(Published published) {
    return new WeightsRequest(
        Optional.empty(),
        OptionalLong.empty(),
        published.id(),
        published.folder(),
        Optional.empty(),
        Optional.empty());
  }

  private static void write(Path file, byte[] whole) throws IOException {
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      for (int at = 0; at < whole.length; at += PIECE) {
        ByteBuffer bytes = ByteBuffer.wrap(whole, at, Math.min(PIECE, whole.length - at));
        while (bytes.hasRemaining()) channel.write(bytes);
      }
    }
  }

  private static byte[] safetensors() {
    Map<String, int[]> shapes = shapes();
    StringBuilder header = new StringBuilder("{");
    long at = 0;
    for (Map.Entry<String, int[]> each : shapes.entrySet()) {
      long size = 2;
      for (int dimension : each.getValue()) size *= dimension;
      header
          .append(header.length() == 1 ? "" : ",")
          .append(
              "\"%s\":{\"dtype\":\"BF16\",\"shape\":%s,\"data_offsets\":[%d,%d]}"
                  .formatted(
                      each.getKey(),
                      Arrays.toString(each.getValue()).replace(" ", ""),
                      at,
                      at + size));
      at += size;
    }
    byte[] text = header.append("}").toString().getBytes(StandardCharsets.UTF_8);
    ByteBuffer bytes =
        ByteBuffer.allocate(Math.toIntExact(8 + text.length + at)).order(ByteOrder.LITTLE_ENDIAN);
    bytes.putLong(text.length).put(text);
    SplittableRandom random = new SplittableRandom(7);
    while (bytes.hasRemaining())
      bytes.putShort((short) (Float.floatToIntBits((float) random.nextDouble(-0.05, 0.05)) >>> 16));
    return bytes.array();
  }

  private static Map<String, int[]> shapes() {
    Map<String, int[]> shapes = new LinkedHashMap<>();
    shapes.put("model.embed_tokens.weight", new int[] {VOCABULARY, HIDDEN});
    for (int layer = 0; layer < LAYERS; layer++) {
      String name = "model.layers.%d.".formatted(layer);
      shapes.put(name + "input_layernorm.weight", new int[] {HIDDEN});
      shapes.put(name + "self_attn.q_proj.weight", new int[] {HIDDEN, HIDDEN});
      shapes.put(name + "self_attn.k_proj.weight", new int[] {KEYS, HIDDEN});
      shapes.put(name + "self_attn.v_proj.weight", new int[] {KEYS, HIDDEN});
      shapes.put(name + "self_attn.o_proj.weight", new int[] {HIDDEN, HIDDEN});
      shapes.put(name + "post_attention_layernorm.weight", new int[] {HIDDEN});
      shapes.put(name + "mlp.gate_proj.weight", new int[] {INNER, HIDDEN});
      shapes.put(name + "mlp.up_proj.weight", new int[] {INNER, HIDDEN});
      shapes.put(name + "mlp.down_proj.weight", new int[] {HIDDEN, INNER});
    }
    shapes.put("model.norm.weight", new int[] {HIDDEN});
    return shapes;
  }

  private static void delete(Path folder) throws IOException {
    try (Stream<Path> paths = Files.walk(folder)) {
      for (Path path : paths.sorted(Collections.reverseOrder()).toList()) Files.delete(path);
    }
  }
}
