package dev.turnstone.engine.chat.tools;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// What chat templates say of a format, in the words of the families' own.
class DetectionTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '¦',
      quoteCharacter = '§',
      value = {
        "hermes ¦ {{- '<tool_call>\\n{\"name\": \"' + tool_call.name + '\", \"arguments\": ' }}",
        "qwen3_coder ¦ {{- '<tool_call>\\n<function=' + tool_call.name + '>\\n' }}",
        "glm45 ¦ {{ '\\n<tool_call>' + tc.name }}<arg_key>{{ k }}</arg_key><arg_value>",
        "llama3_json ¦ Respond in the format {\"name\": function name, \"parameters\": dictionary of argument name and its value}",
        "llama3_json ¦ {{- \"<|python_tag|>\" + tool_call.name + \".call(\" }}",
        "pythonic ¦ [func_name1(params_name1=params_value1, params_name2=params_value2...), func_name2(params)]",
        "mistral ¦ {{- \"[TOOL_CALLS] [\" }}",
        "deepseek_v3 ¦ '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>' + tool['type'] + '<｜tool▁sep｜>' + name + '\\n' + '```json'",
        "deepseek_v31 ¦ '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>'+ name + '<｜tool▁sep｜>' + arguments",
        "kimi_k2 ¦ <|tool_calls_section_begin|>{%- for tool_call in message['tool_calls'] -%}",
      })
  void aTemplateTeachesItsFormat(String format, String template) {
    assertThat(ToolFormats.detect(template).map(ToolFormat::name)).contains(format);
  }

  @Test
  void aTemplateThatTeachesNothingIsKnownAsThat() {
    assertThat(ToolFormats.detect("{{ message.content }}")).isEqualTo(Optional.empty());
    assertThat(TurnParser.of("{{ message.content }}"))
        .isEqualTo(new TurnParser(ToolFormats.NONE, ReasoningTags.NONE));
  }

  @Test
  void reasoningTagsAreThoseOfTheTemplate() {
    assertThat(ReasoningTags.detect("content.split('</think>')[-1]"))
        .isEqualTo(ReasoningTags.THINK);
    assertThat(ReasoningTags.detect("[THINK]...[/THINK]")).isEqualTo(ReasoningTags.MISTRAL);
  }

  @Test
  void everyFormatIsKnownByItsName() {
    assertThat(ToolFormats.names()).hasSize(10).doesNotHaveDuplicates();
    assertThat(ToolFormats.names())
        .allSatisfy(name -> assertThat(ToolFormats.named(name)).isPresent());
    assertThat(ToolFormats.named("hermes2")).isEmpty();
  }
}
