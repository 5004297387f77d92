package dev.turnstone.engine;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.turnstone.engine.chat.TemplateChatFormat;
import dev.turnstone.engine.chat.Tokenizer;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.Policy;
import dev.turnstone.rollout.Sampling;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.WeightsId;
import java.io.InputStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;

/// A real model answers as transformers does, token for token: tools/golden_smollm2.py.
@EnabledIfEnvironmentVariable(
    named = "TURNSTONE_SMOLLM2",
    matches = ".+",
    disabledReason = "TURNSTONE_SMOLLM2 names no folder of SmolLM2; see DEVELOPERS.md")
class SmolLm2Test {
  @Test
  void conversationsAreAnsweredTokenForToken() throws Exception {
    Path folder = Path.of(System.getenv("TURNSTONE_SMOLLM2"));
    EngineConfig config = EngineConfig.DEFAULT.withKvBytes(1L << 30).withMaxBatchTokens(300);
    try (var tokenizer = Tokenizer.load(folder);
        var engine = Engine.load(folder, new WeightsId("smollm2", 0, ""), config)) {
      var format = TemplateChatFormat.load(folder, tokenizer);
      for (JsonNode one : golden()) {
        Tokens prompt = format.prompt(messages(one.path("messages")), List.of());
        assertThat(prompt).isEqualTo(tokens(one.path("ids")));
        var request =
            new Policy.Request(
                prompt, Sampling.GREEDY, 64, format.stopIds(), Duration.ofMinutes(5));
        Tokens answer = engine.generate(request).ids();
        assertThat(answer).as(one.path("text").asText()).isEqualTo(tokens(one.path("greedy")));
        assertThat(format.text(answer)).isEqualTo(one.path("text").asText());
      }
    }
  }

  private static JsonNode golden() throws Exception {
    try (InputStream in = SmolLm2Test.class.getResourceAsStream("/golden-smollm2.json")) {
      return new ObjectMapper().readTree(in);
    }
  }

  private static List<Message> messages(JsonNode list) {
    var messages = new ArrayList<Message>();
    for (JsonNode node : list) {
      String content = node.path("content").asText();
      messages.add(
          switch (node.path("role").asText()) {
            case "system" -> new Message.System(content);
            case "user" -> new Message.User(content);
            default -> new Message.Assistant(content, List.of());
          });
    }
    return messages;
  }

  private static Tokens tokens(JsonNode ids) {
    return Tokens.of(
        StreamSupport.stream(ids.spliterator(), false).mapToInt(JsonNode::asInt).toArray());
  }
}
