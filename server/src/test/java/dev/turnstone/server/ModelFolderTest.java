package dev.turnstone.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.engine.EngineConfig;
import dev.turnstone.server.TestServer.Answer;
import dev.turnstone.server.http.StartupError;
import dev.turnstone.server.http.Wire;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// A model folder with the tiny policy's tokenizer and small random weights, served for real.
@Timeout(60)
final class ModelFolderTest {
  private static final int VOCABULARY = 512;
  private static final int HIDDEN = 16;
  private static final Path TINY = Path.of("..", "models", "tiny");

  @TempDir private static Path folder;

  @BeforeAll
  static void write() throws IOException {
    try (Stream<Path> files = Files.list(TINY)) {
      for (Path file : files.filter(f -> !f.toString().endsWith(".safetensors")).toList())
        Files.copy(file, folder.resolve(file.getFileName().toString()));
    }
    Files.writeString(
        folder.resolve("config.json"),
        """
        {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 512,
         "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1,
         "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 8,
         "max_position_embeddings": 1024, "rms_norm_eps": 1e-6, "rope_theta": 10000.0,
         "tie_word_embeddings": true, "hidden_act": "silu", "attention_bias": false}
        """);
    safetensors();
  }

  private static void safetensors() throws IOException {
    Map<String, List<Integer>> shapes = new LinkedHashMap<>();
    shapes.put("model.embed_tokens.weight", List.of(VOCABULARY, HIDDEN));
    String layer = "model.layers.0.";
    shapes.put(layer + "input_layernorm.weight", List.of(HIDDEN));
    shapes.put(layer + "self_attn.q_proj.weight", List.of(16, HIDDEN));
    shapes.put(layer + "self_attn.k_proj.weight", List.of(8, HIDDEN));
    shapes.put(layer + "self_attn.v_proj.weight", List.of(8, HIDDEN));
    shapes.put(layer + "self_attn.o_proj.weight", List.of(HIDDEN, 16));
    shapes.put(layer + "post_attention_layernorm.weight", List.of(HIDDEN));
    shapes.put(layer + "mlp.gate_proj.weight", List.of(32, HIDDEN));
    shapes.put(layer + "mlp.up_proj.weight", List.of(32, HIDDEN));
    shapes.put(layer + "mlp.down_proj.weight", List.of(HIDDEN, 32));
    shapes.put("model.norm.weight", List.of(HIDDEN));
    ObjectNode header = Wire.JSON.createObjectNode();
    int offset = 0;
    for (var shape : shapes.entrySet()) {
      int bytes = 4 * shape.getValue().stream().reduce(1, (a, b) -> a * b);
      ObjectNode tensor = header.putObject(shape.getKey()).put("dtype", "F32");
      shape.getValue().forEach(tensor.putArray("shape")::add);
      tensor.putArray("data_offsets").add(offset).add(offset + bytes);
      offset += bytes;
    }
    byte[] json = Wire.text(header).getBytes(StandardCharsets.UTF_8);
    ByteBuffer file = ByteBuffer.allocate(8 + json.length + offset).order(ByteOrder.LITTLE_ENDIAN);
    file.putLong(json.length).put(json);
    Random random = new Random(1);
    while (file.hasRemaining()) file.putFloat((float) (0.1 * random.nextGaussian()));
    Files.write(folder.resolve("model.safetensors"), file.array());
  }

  @Test
  void aModelFolderIsServed(@TempDir Path data) throws Exception {
    try (TestServer server = TestServer.listen(data, "{\"model\": \"%s\"}".formatted(folder))) {
      server.server.serve(metrics -> ServeCommand.load(config(data), metrics));
      String name = folder.getFileName().toString();
      assertThat(server.get("/v1/models").json().at("/data/0/id").asText()).isEqualTo(name);
      String body =
          "{\"messages\":[{\"role\":\"user\",\"content\":\"6*7?\"}],\"max_tokens\":20,\"seed\":3,\"logprobs\":true,\"return_token_ids\":true%s}";
      JsonNode plain = server.chat(body.formatted("")).json();
      int generated = plain.at("/usage/completion_tokens").asInt();
      assertThat(generated).isBetween(1, 20);
      assertThat(plain.at("/choices/0/token_ids")).hasSize(generated);
      assertThat(plain.at("/choices/0/logprobs/content")).hasSize(generated);

      Answer stream = server.chat(body.formatted(",\"stream\":true"));
      StringBuilder text = new StringBuilder();
      for (String event : stream.events())
        if (!event.equals("[DONE]"))
          text.append(Wire.read(TestServer.utf8(event)).at("/choices/0/delta/content").asText(""));
      assertThat(text.toString()).isEqualTo(plain.at("/choices/0/message/content").asText());
      assertThat(server.get("/metrics").text())
          .contains("turnstone_engine_generated_tokens_total")
          .contains("vllm:generation_tokens_total")
          .contains("vllm:num_requests_running");
    }
  }

  private static Config config(Path data) {
    ObjectNode said = Wire.JSON.createObjectNode().put("model", folder.toString());
    return Config.of(said.put("data", data.toString()));
  }

  @Test
  void aFolderThatCannotBeServedIsOneSentence(@TempDir Path other) throws IOException {
    assertThatThrownBy(() -> ModelFolder.find("/no/such", other, Map.of()))
        .isInstanceOf(StartupError.class)
        .hasMessage("there is no model folder /no/such");
    var offline = Map.of("HF_HUB_OFFLINE", "1", "HF_HUB_CACHE", other.toString());
    assertThatThrownBy(() -> ModelFolder.find("org/name@v1", other, offline))
        .isInstanceOf(StartupError.class)
        .hasMessage(
            "org/name@v1 is not in the cache %s, and HF_HUB_OFFLINE forbids to download it", other);
    ModelFolder empty = ModelFolder.find(other.toString(), other, Map.of());
    assertThatThrownBy(() -> empty.load(EngineConfig.DEFAULT, Optional.empty(), Optional.empty()))
        .isInstanceOf(StartupError.class)
        .hasMessageContaining(other.toString());
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.toList())
        Files.copy(file, other.resolve(file.getFileName().toString()));
    }
    Path config = other.resolve("config.json");
    String sizes = Files.readString(config);
    Files.writeString(config, sizes.replace("\"vocab_size\": 512", "\"vocab_size\": 99"));
    assertThatThrownBy(() -> empty.load(EngineConfig.DEFAULT, Optional.empty(), Optional.empty()))
        .isInstanceOf(StartupError.class)
        .hasMessageEndingWith("has 512 ids, but its model only 99");
    Files.writeString(config, sizes);
    byte[] weights = Files.readAllBytes(other.resolve("model.safetensors"));
    Files.write(
        other.resolve("model.safetensors"), java.util.Arrays.copyOf(weights, weights.length / 2));
    assertThatThrownBy(() -> empty.load(EngineConfig.DEFAULT, Optional.empty(), Optional.empty()))
        .isInstanceOf(StartupError.class)
        .hasMessageContaining("model.safetensors");
  }
}
