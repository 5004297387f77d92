package dev.turnstone.engine.chat.jinja;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.turnstone.engine.chat.jinja.TemplateException.Kind;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;

/// Random templates and conversations against jinja2: tools/fuzz_templates.py wrote them down.
class TemplateFuzzTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final LocalDateTime NOW = LocalDateTime.of(2025, 7, 9, 13, 5, 6);
  private static final String LIVE = "TURNSTONE_TEMPLATE_FUZZ";

  /// Random templates do what no real one does; of them so many may end otherwise than in jinja2.
  private static final double LANGUAGE_RESIDUE = 0.03;

  private final List<String> differences = new ArrayList<>();
  private int compared;

  @Test
  void theCheckedInSampleIsRenderedAsJinja2Does() throws IOException {
    check(JSON.readTree(resource("fuzz.json")));
  }

  @Test
  @EnabledIfEnvironmentVariable(
      named = LIVE,
      matches = ".+",
      disabledReason = LIVE + " names no file; see tools/fuzz_templates.py")
  void theNamedFileIsRenderedAsJinja2Does() throws IOException {
    check(JSON.readTree(Path.of(System.getenv(LIVE)).toFile()));
  }

  private void check(JsonNode fuzz) throws IOException {
    for (JsonNode one : fuzz.path("cases"))
      compare(one.path("template").asText(), one, fuzz.path("variables"));
    System.out.printf("%d of %d templates differ%n", differences.size(), compared);
    differences.stream().limit(20).forEach(System.out::println);
    assertThat((double) differences.size()).isLessThanOrEqualTo(LANGUAGE_RESIDUE * compared);
    differences.clear();
    compared = 0;
    for (JsonNode one : fuzz.path("conversations"))
      for (Map.Entry<String, JsonNode> result : one.path("results").properties())
        compare(source(fuzz, result.getKey()), result.getValue(), one.path("variables"));
    System.out.printf("%d of %d conversations differ%n", differences.size(), compared);
    assertThat(differences).isEmpty();
  }

  private void compare(String source, JsonNode expected, JsonNode variables) {
    compared++;
    try {
      String ours = Template.parse(source).render(variables, NOW).text();
      if (!expected.has("ok")) difference(source, expected, ours);
      else if (!ours.equals(expected.path("ok").asText())) difference(source, expected, ours);
    } catch (TemplateException e) {
      boolean raised = e.kind() == Kind.RAISED;
      Optional<String> message = Optional.ofNullable(expected.path("raised").textValue());
      if (expected.has("ok")
          || raised != message.isPresent()
          || (raised && !message.get().equals(e.getMessage())))
        difference(source, expected, e.kind() + " " + e.getMessage());
    }
  }

  private void difference(String source, JsonNode expected, String ours) {
    differences.add("%n--- %s%n... %s%n+++ %s".formatted(source, expected, ours));
  }

  private final Map<String, String> sources = new HashMap<>();

  private String source(JsonNode fuzz, String name) throws IOException {
    JsonNode own = fuzz.path("sources").path(name);
    if (own.isTextual()) return own.textValue();
    if (name.equals("tiny")) return Files.readString(Path.of("../models/tiny/chat_template.jinja"));
    if (!sources.containsKey(name))
      sources.put(
          name,
          new String(
              resource("templates/" + name + ".jinja"), java.nio.charset.StandardCharsets.UTF_8));
    return Objects.requireNonNull(sources.get(name));
  }

  private static byte[] resource(String name) throws IOException {
    try (InputStream in = TemplateFuzzTest.class.getResourceAsStream("/chat/" + name)) {
      return Objects.requireNonNull(in, name).readAllBytes();
    }
  }
}
