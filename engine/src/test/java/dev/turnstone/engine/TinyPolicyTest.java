package dev.turnstone.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.IValue;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.turnstone.engine.chat.TemplateChatFormat;
import dev.turnstone.engine.chat.Tokenizer;
import dev.turnstone.rollout.Json;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.Policy;
import dev.turnstone.rollout.Sampling;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.ToolCall;
import dev.turnstone.rollout.ToolSpec;
import dev.turnstone.rollout.WeightsId;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;

/// The checked-in policy against what transformers computes with it: tools/golden_tiny.py.
class TinyPolicyTest {
  private static final Path FOLDER = Path.of("..", "models", "tiny");

  private static JsonNode golden() throws Exception {
    try (InputStream in = TinyPolicyTest.class.getResourceAsStream("/golden-tiny.json")) {
      return new ObjectMapper().readTree(in);
    }
  }

  private static Tokens tokens(JsonNode ids) {
    return Tokens.of(
        StreamSupport.stream(ids.spliterator(), false).mapToInt(JsonNode::asInt).toArray());
  }

  @Test
  void itIsSmall() throws Exception {
    assertThat(Files.size(FOLDER.resolve("model.safetensors"))).isLessThan(5_000_000);
    try (var model = new Model(ModelConfig.read(FOLDER), Precision.F32);
        var parameters = model.load(FOLDER)) {
      assertThat(parameters.count()).isLessThan(2_000_000);
    }
  }

  @Test
  void conversationsBecomeTheIdsOfTransformers() throws Exception {
    JsonNode golden = golden();
    var tool =
        new ToolSpec(
            golden.at("/tool/name").asText(),
            golden.at("/tool/description").asText(),
            new Json(golden.at("/tool/parameters").toString()));
    try (var tokenizer = Tokenizer.load(FOLDER)) {
      var format = TemplateChatFormat.load(FOLDER, tokenizer);
      for (JsonNode one : golden.path("cases"))
        assertThat(format.prompt(messages(one.path("messages")), List.of(tool)))
            .isEqualTo(tokens(one.path("ids")));
    }
  }

  private static List<Message> messages(JsonNode list) {
    var messages = new ArrayList<Message>();
    for (JsonNode node : list) {
      String content = node.path("content").asText();
      messages.add(
          switch (node.path("role").asText()) {
            case "user" -> new Message.User(content);
            case "tool" -> new Message.Tool("call_0_0", "python", content);
            default -> new Message.Assistant(content, calls(node.path("tool_calls")));
          });
    }
    return messages;
  }

  private static List<ToolCall> calls(JsonNode list) {
    return StreamSupport.stream(list.spliterator(), false)
        .map(call -> call.path("function"))
        .map(f ->
            new ToolCall(
                "call_0_0", f.path("name").asText(), new Json(f.path("arguments").toString())))
        .toList();
  }

  @Test
  void logitsAreThoseOfTransformers() throws Exception {
    try (var model = new Model(ModelConfig.read(FOLDER), Precision.F32);
        var parameters = model.load(FOLDER)) {
      for (JsonNode one : golden().path("cases")) {
        float[] logits = new float[one.path("logits").size()];
        for (int i = 0; i < logits.length; i++)
          logits[i] = (float) one.path("logits").get(i).asDouble();
        var expected = new Softmax().over(MemorySegment.ofArray(logits), 1);
        float[] ours = distribution(model, parameters, tokens(one.path("ids")), logits.length);
        for (int id = 0; id < logits.length; id++)
          assertThat((double) ours[id])
              .as("id %d", id)
              .isCloseTo(expected.logprob(id), within(1e-4));
      }
    }
  }

  /// Log-probabilities of all ids after a prompt.
  private static float[] distribution(
      Model model, Parameters parameters, Tokens ids, int vocabulary) {
    long[] last = new long[vocabulary];
    Arrays.fill(last, ids.size() - 1);
    float[] temperatures = new float[vocabulary];
    Arrays.fill(temperatures, 1);
    try (var m = Model.newManager()) {
      return model
          .run(
              m,
              "logprobs",
              IValue.from(
                  (PtNDArray)
                      m.create(
                          IntStream.of(ids.toArray()).asLongStream().toArray(),
                          new Shape(1, ids.size()))),
              IValue.from((PtNDArray) m.create(last)),
              IValue.from((PtNDArray) m.create(LongStream.range(0, vocabulary).toArray())),
              IValue.from((PtNDArray) m.create(temperatures)),
              IValue.from(model.cosines()),
              IValue.from(model.sines()),
              IValue.listFrom(parameters.tensors()))
          .toFloatArray();
    }
  }

  @Test
  void greedyContinuationsAreThoseOfTransformers() throws Exception {
    try (var engine = Engine.load(FOLDER, new WeightsId("tiny", 0, ""), EngineConfig.DEFAULT)) {
      for (JsonNode one : golden().path("cases")) {
        var request =
            new Policy.Request(
                tokens(one.path("ids")), Sampling.GREEDY, 64, Set.of(), Duration.ofMinutes(1));
        assertThat(engine.generate(request).ids()).isEqualTo(tokens(one.path("greedy")));
      }
    }
  }
}
