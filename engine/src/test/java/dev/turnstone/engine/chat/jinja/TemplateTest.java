package dev.turnstone.engine.chat.jinja;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.turnstone.engine.chat.jinja.Template.Span;
import dev.turnstone.engine.chat.jinja.TemplateException.Kind;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Against what transformers renders: make_goldens.py wrote it down.
class TemplateTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final LocalDateTime NOW = LocalDateTime.of(2025, 7, 9, 13, 5, 6);
  private static final JsonNode NOTHING = JSON.createObjectNode();

  @TestFactory
  Stream<DynamicTest> rendersEachConstructAsJinja2() {
    JsonNode golden = golden("template-cases.json");
    return stream(golden.path("cases"))
        .map(c -> {
          String source = c.path("template").textValue();
          return DynamicTest.dynamicTest(
              "'" + source + "'", () -> check(c, source, golden.path("variables")));
        });
  }

  @TestFactory
  Stream<DynamicTest> rendersConversationsAsTransformersDoes() {
    JsonNode golden = golden("conversations.json");
    return stream(golden.path("results"))
        .map(c -> {
          String template = c.path("template").textValue();
          String conversation = c.path("conversation").textValue();
          JsonNode variables = golden.path("conversations").path(conversation);
          return DynamicTest.dynamicTest(
              template + " " + conversation, () -> check(c, source(template), variables));
        });
  }

  private static void check(JsonNode expected, String source, JsonNode variables) {
    if (expected.has("ok"))
      assertThat(render(source, variables)).isEqualTo(expected.path("ok").textValue());
    else {
      TemplateException refused =
          catchThrowableOfType(TemplateException.class, () -> render(source, variables));
      assertThat(refused).as(expected.toString()).isNotNull();
      if (expected.has("raised")) {
        assertThat(refused.kind()).isEqualTo(Kind.RAISED);
        assertThat(refused).hasMessage(expected.path("raised").textValue());
      }
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '¦',
      value = {
        "x {% include 'a' %} ¦ the tag 'include' is not supported",
        "{{ 1|from_json }} ¦ the filter 'from_json' is not supported",
        "{% if false %}{{ 1|pprint }}{% endif %} ¦ the filter 'pprint' is not supported",
        "{{ 1 is prime }} ¦ the test 'prime' is not supported",
        "{{ 'a'.encode() }} ¦ the method 'encode' is not supported",
        "{{ cycler(1) }} ¦ the function 'cycler' is not supported",
        "{% for x in y recursive %}{% endfor %} ¦ recursive loops are not supported",
        "{% block a %}{% endblock %} ¦ the tag 'block' is not supported",
        "{% if a %} ¦ this block has no {% elif %} or {% else %} or {% endif %}",
      })
  void refusesAtLoadWhatItDoesNotKnow(String source, String why) {
    assertThatThrownBy(() -> Template.parse("one\ntwo\n" + source))
        .isInstanceOfSatisfying(
            TemplateException.class,
            e -> {
              assertThat(e.kind()).isEqualTo(Kind.SYNTAX);
              assertThat(e.line()).isEqualTo(3);
            })
        .hasMessage("chat template line 3: " + why);
  }

  @Test
  void anErrorNamesTheLineWhereItHappened() {
    assertThatThrownBy(() -> render("a\n{% if true %}\n{{ 1 + none }}\n{% endif %}", NOTHING))
        .hasMessage(
            "chat template line 3: TypeError: unsupported operand type(s) for +: 'int' and 'NoneType'");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% set n = namespace(x='ab') %}{% for i in range(99) %}{% set n.x = n.x + n.x %}{% endfor %}",
        "{% set n = namespace(x=[1]) %}{% for i in range(99) %}{% set n.x = n.x + n.x %}{% endfor %}",
        "{% set n = namespace(x=[1]) %}{% for i in range(99) %}{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x }}",
        "{% set n = namespace(x=[1]) %}{% for i in range(60) %}{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x|tojson }}",
        "{% set n = namespace(x=[1], y=[1]) %}{% for i in range(60) %}{% set n.x = [n.x, n.x] %}{% set n.y = [n.y, n.y] %}{% endfor %}{{ n.x == n.y }}",
        "{% set n = namespace(x=(1,)) %}{% for i in range(60) %}{% set n.x = (n.x, n.x) %}{% endfor %}{{ {n.x: 1} }}",
        "{% set n = namespace(x=[1]) %}{% for i in range(99999) %}{% set n.x = [n.x] %}{% endfor %}{{ n.x|tojson }}",
        "{% set n = namespace(x=[1], y=[1]) %}{% for i in range(99999) %}{% set n.x = [n.x] %}{% set n.y = [n.y] %}{% endfor %}{{ n.x == n.y }}",
        "{{ 'x' * 999999999 }}",
        "{{ [1] * 999999999 }}",
        "{{ 'x'.center(999999999) }}{{ 'x'|center(999999999) }}",
        "{{ '%99999d' % 1 }}",
        "{{ '{:999999}'.format(1) }}",
        "{{ 10 ** 99999999 }}",
        "{% set n = namespace(x=10 ** 99) %}{% for i in range(99) %}{% set n.x = n.x * n.x %}{% endfor %}",
        "{{ ('a' * 9999).replace('', 'b' * 99999) }}",
        "{{ ('a' * 9999999)|replace('a', 'b' * 99) }}",
        "{{ range(999999999)|list }}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}",
        "{% for a in range(9999) %}{% for b in range(9999) %}xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx{% endfor %}{% endfor %}",
        "{% set l = range(9999)|list %}{% for a in l %}{% for b in l %}{{ l|sort|length }}{% endfor %}{% endfor %}",
        "{% set l = range(9999)|list %}{% for a in l %}{{ l|join(',')|length }}{% endfor %}",
        "{% for i in range(99999) %}{% set x = ('ab' * 9999).split('a') %}{% endfor %}",
        "{% for i in range(99999) %}{{ ('ab' * 99999)|length }}{% endfor %}",
        "{% for i in range(99999) %}{% set x = ('a' * 99)|list + ('a' * 9999)|list %}{% endfor %}",
      })
  void aHostileTemplateIsStopped(String source) {
    Limits tight = new Limits(200_000, 1 << 20, 50);
    assertThatThrownBy(() -> Template.parse(source, tight).render(NOTHING, NOW))
        .isInstanceOfSatisfying(
            TemplateException.class, e -> assertThat(e.kind()).isEqualTo(Kind.LIMIT));
  }

  @Test
  void theDefaultLimitsStopAnEndlessTemplateTooAndLetLongConversationsPass() {
    String endless =
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}";
    assertThatThrownBy(() -> render(endless, NOTHING)).hasMessageContaining("steps");
    String longText = "{% for i in range(2000) %}" + "x".repeat(2000) + "{{ i }}{% endfor %}";
    assertThat(render(longText, NOTHING)).hasSizeGreaterThan(4_000_000);
  }

  @Test
  void aDeepTemplateIsRefusedAtLoad() {
    for (String deep :
        List.of(
            "{{ " + "(".repeat(20_000) + "1" + ")".repeat(20_000) + " }}",
            "{{ " + "not ".repeat(20_000) + "1 }}",
            "{{ " + "-".repeat(20_000) + "1 }}",
            "{{ 1" + " + 1".repeat(20_000) + " }}",
            "{{ 1" + " or 1".repeat(20_000) + " }}",
            "{{ x" + ".a".repeat(20_000) + " }}",
            "{{ x" + "|e".repeat(20_000) + " }}",
            "{{ 1" + " if 1 else 1".repeat(20_000) + " }}",
            "{% if 1 %}".repeat(5_000) + "{% endif %}".repeat(5_000),
            "{% set " + "(".repeat(20_000) + "a" + ")".repeat(20_000) + " = 1 %}",
            "{{ " + "[".repeat(20_000) + "]".repeat(20_000) + " }}"))
      assertThatThrownBy(() -> Template.parse(deep))
          .isInstanceOfSatisfying(
              TemplateException.class, e -> assertThat(e.kind()).isEqualTo(Kind.SYNTAX));
  }

  @Test
  void userTextIsNeverRun() {
    JsonNode variables =
        JSON.createObjectNode()
            .put("x", "{{ 7*7 }}{% include 'a' %}{# c #}{{ raise_exception('x') }}");
    assertThat(render("{{ x }}{% for c in [x] %}{{ c|trim }}{% endfor %}", variables))
        .isEqualTo(variables.path("x").textValue().repeat(2));
  }

  @Test
  void generationBlocksGiveTheSpansOfTheAssistant() {
    Template template =
        Template.parse(
            "u:{% for a in 'xy' %}a:{% generation %}{{ a }}!{% endgeneration %};{% endfor %}");
    Template.Rendered rendered = template.render(NOTHING, NOW);
    assertThat(rendered.text()).isEqualTo("u:a:x!;a:y!;");
    assertThat(rendered.generations()).containsExactly(new Span(4, 6), new Span(9, 11));
  }

  @Test
  void manyThreadsRenderOneTemplate() throws InterruptedException, ExecutionException {
    Template template = Template.parse(source("macros"));
    JsonNode golden = golden("conversations.json").path("conversations").path("calls");
    String expected = template.render(golden, NOW).text();
    try (var executor = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<String>> rendered = new ArrayList<>();
      for (int i = 0; i < 200; i++)
        rendered.add(executor.submit(() -> template.render(golden, NOW).text()));
      for (Future<String> one : rendered) assertThat(one.get()).isEqualTo(expected);
    }
  }

  private static String render(String source, JsonNode variables) {
    return Template.parse(source).render(variables, NOW).text();
  }

  private static String source(String name) {
    try {
      if (name.equals("tiny"))
        return Files.readString(Path.of("../models/tiny/chat_template.jinja"));
      try (InputStream in = resource("templates/" + name + ".jinja")) {
        return new String(in.readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
      }
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  private static JsonNode golden(String name) {
    try (InputStream in = resource(name)) {
      return JSON.readTree(in);
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  private static InputStream resource(String name) {
    return java.util.Objects.requireNonNull(
        TemplateTest.class.getResourceAsStream("/chat/" + name), name);
  }

  private static Stream<JsonNode> stream(JsonNode array) {
    return StreamSupport.stream(array.spliterator(), false);
  }
}
