package dev.turnstone.engine.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.turnstone.engine.ModelException;
import dev.turnstone.rollout.Json;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.Rendering;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.ToolCall;
import dev.turnstone.rollout.ToolSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TemplateChatFormatTest {
  private static final Path TEMPLATES = Path.of("src/test/resources/chat/templates");
  private static final List<ToolSpec> TOOLS = List.of(Golden.PYTHON);
  private static final List<Message> TASK =
      List.of(new Message.System("You can use tools."), new Message.User("What is 482 * 917?"));
  private static final ToolCall CALL =
      new ToolCall("call_0_0", "python", new Json("{\"code\":\"print(482 * 917)\"}"));
  private static final String WRITTEN =
      "<tool_call>\n{\"name\": \"python\", \"arguments\": {\"code\": \"print(482 * 917)\"}}\n</tool_call>";
  private static Tokenizer tokenizer;
  private static TemplateChatFormat tiny;

  @BeforeAll
  static void load() throws ModelException {
    tokenizer = Golden.tokenizer();
    tiny = TemplateChatFormat.load(Golden.TINY, tokenizer);
  }

  @AfterAll
  static void close() {
    tokenizer.close();
  }

  @Test
  void aMessageThatIsContinuedHasNoEnd() {
    List<Message> begun =
        List.of(new Message.User("What is 6 * 7?"), new Message.Assistant("It is ", List.of()));
    Rendering continued = new Rendering(false, true, Map.of(), Optional.empty());
    assertThat(shown(tiny.prompt(begun, List.of(), continued)))
        .isEqualTo("<|im_start|>user\nWhat is 6 * 7?<|im_end|>\n<|im_start|>assistant\nIt is ");
    Rendering closed = new Rendering(false, false, Map.of(), Optional.empty());
    assertThat(shown(tiny.prompt(begun, List.of(), closed))).endsWith("It is <|im_end|>\n");
  }

  @Test
  void aClientsTemplateAndVariablesAreRendered() {
    Rendering own =
        new Rendering(
            true,
            false,
            Map.of("enable_thinking", new Json("false")),
            Optional.of("{{ messages[0].content }}|{{ enable_thinking }}"));
    assertThat(shown(tiny.prompt(List.of(new Message.User("hi")), List.of(), own)))
        .isEqualTo("hi|False");
    Rendering broken = new Rendering(true, false, Map.of(), Optional.of("{{ messages"));
    assertThatThrownBy(() -> tiny.prompt(TASK, List.of(), broken))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void aPromptEndsWhereTheAssistantIsToWrite() {
    assertThat(shown(tiny.prompt(TASK, TOOLS)))
        .isEqualTo(
            """
            <|im_start|>system
            You can use tools.
            Tools:
            {"name": "python", "arguments": {"code": "string"}}<|im_end|>
            <|im_start|>user
            What is 482 * 917?<|im_end|>
            <|im_start|>assistant
            """);
  }

  @Test
  void aSuffixStartsAfterTheStopTokenThatThePolicyWrote() {
    Tokens held = tokenizer.encode("anything<|im_end|>");
    assertThat(shown(tiny.suffix(held, List.of(result("441994")), TOOLS)))
        .isEqualTo(
            """

            <|im_start|>user
            <tool_response>
            441994
            </tool_response><|im_end|>
            <|im_start|>assistant
            """);
  }

  @Test
  void aMissingStopTokenIsInserted() {
    for (String end : List.of("anything", "anything<|endoftext|>"))
      assertThat(
              shown(
                  tiny.suffix(
                      tokenizer.encode(end), List.of(new Message.User("go on")), List.of())))
          .isEqualTo("<|im_end|>\n<|im_start|>user\ngo on<|im_end|>\n<|im_start|>assistant\n");
  }

  @Test
  void twoResultsAnswerOneTurn() {
    Tokens held = tokenizer.encode("x<|im_end|>");
    assertThat(shown(tiny.suffix(held, List.of(result("1"), result("2")), TOOLS)))
        .isEqualTo(
            """

            <|im_start|>user
            <tool_response>
            1
            </tool_response>
            <tool_response>
            2
            </tool_response><|im_end|>
            <|im_start|>assistant
            """);
  }

  @ParameterizedTest
  @ValueSource(strings = {"tiny", "chatml", "headers"})
  void promptGenerationAndSuffixAreWhatTheTemplateRendersForAll(String name, @TempDir Path folder)
      throws IOException, ModelException {
    TemplateChatFormat format = name.equals("tiny") ? tiny : format(folder, name);
    String end = name.equals("headers") ? "<|eot_id|>" : "<|im_end|>";
    String call =
        name.equals("headers")
            ? "{\"name\": \"python\", \"parameters\": {\"code\": \"print(482 * 917)\"}}"
            : WRITTEN;
    Tokens held = format.prompt(TASK, TOOLS).plus(format.tokenizer().encode(call + end));
    held = held.plus(format.suffix(held, List.of(result("441994")), TOOLS));
    held = held.plus(format.tokenizer().encode("It is 441994." + end));
    held = held.plus(format.suffix(held, List.of(new Message.User("Thanks.")), TOOLS));

    List<Message> all =
        List.of(
            TASK.get(0),
            TASK.get(1),
            new Message.Assistant("", List.of(CALL)),
            result("441994"),
            new Message.Assistant("It is 441994.", List.of()),
            new Message.User("Thanks."));
    assertThat(held).isEqualTo(format.prompt(all, TOOLS));
    assertThat(format.check().divergence()).isEmpty();
    assertThat(format.check().toolsRefused()).isEmpty();
  }

  @Test
  void heldIdsAreNeverEncodedAgain() {
    // Ids that no text encodes to: "4", "8", "2" where the tokenizer would merge letters around
    // them.
    Tokens odd = Tokens.of(65, 66, 67, 507);
    Tokens suffix = tiny.suffix(odd, List.of(result("1")), TOOLS);
    assertThat(suffix).isEqualTo(tiny.suffix(Tokens.of(507), List.of(result("1")), TOOLS));
  }

  @Test
  void textDropsTheStopTokensAtTheEndAndKeepsTheMarks() {
    assertThat(tiny.text(tokenizer.encode(WRITTEN + "<|im_end|>"))).isEqualTo(WRITTEN);
    assertThat(tiny.text(tokenizer.encode("a<|im_start|>b<|im_end|>c")))
        .isEqualTo("a<|im_start|>b<|im_end|>c");
    assertThat(tiny.text(Tokens.NONE)).isEmpty();
    assertThat(tiny.stopIds()).contains(507);
  }

  @Test
  void argumentsAreWrittenWithPythonsSpacing() {
    ToolCall call = new ToolCall("c", "python", new Json("{\"code\":\"é\\n\",\"n\":[1,2.0,null]}"));
    Tokens prompt =
        tiny.prompt(
            List.of(new Message.User("x"), new Message.Assistant("", List.of(call))), TOOLS);
    assertThat(shown(prompt)).contains("{\"code\": \"é\\n\", \"n\": [1, 2.0, null]}");
  }

  @Test
  void argumentsThatAreNoObjectAreRefused() {
    for (String arguments : List.of("[1]", "{\"a\": 1} x", "{"))
      assertThatThrownBy(() ->
              tiny.prompt(
                  List.of(
                      new Message.Assistant(
                          "", List.of(new ToolCall("c", "t", new Json(arguments))))),
                  List.of()))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("the arguments of the tool call c are no JSON object: " + arguments);
  }

  @Test
  void aTemplateThatRewritesHistoryIsReported(@TempDir Path folder)
      throws IOException, ModelException {
    TemplateChatFormat format = format(folder, "thinking");
    assertThat(format.check().divergence()).isPresent();
    assertThat(shown(format.suffix(Tokens.of(507), List.of(new Message.User("b")), List.of())))
        .isEqualTo("\n<|im_start|>user\nb<|im_end|>\n<|im_start|>assistant\n");
  }

  @Test
  void aTemplateThatJoinsArgumentsGetsThemAsText(@TempDir Path folder)
      throws IOException, ModelException {
    TemplateChatFormat format = format(folder, "strict");
    Tokens prompt =
        format.prompt(
            List.of(new Message.User("x"), new Message.Assistant("", List.of(CALL))), TOOLS);
    assertThat(shown(prompt))
        .contains("\"arguments\": {\"code\":\"print(482 * 917)\"}, \"id\": \"call_0_0\"}]");
  }

  @Test
  void aTemplateWithoutAnEndOfTurnIsRefused(@TempDir Path folder) throws IOException {
    assertThatThrownBy(
            () -> formatOf(folder, "{% for m in messages %}{{ m.content }}\n{% endfor %}"))
        .isInstanceOf(ModelException.class)
        .hasMessageContaining("ends an assistant's turn with no special token");
  }

  @Test
  void aFolderWithoutATemplateOrWithABrokenOneIsRefused(@TempDir Path folder) throws IOException {
    assertThatThrownBy(() -> TemplateChatFormat.load(folder, tokenizer))
        .hasMessage("the chat format of " + folder + ": no chat template in " + folder);
    assertThatThrownBy(() -> formatOf(folder, "a\n{% nonsense %}"))
        .hasMessage(
            "the chat format of "
                + folder
                + ": chat template line 2: the tag 'nonsense' is not supported");
  }

  @Test
  void theTemplateMayStandInTheTokenizerConfiguration(@TempDir Path folder)
      throws IOException, ModelException {
    Files.writeString(
        folder.resolve("tokenizer_config.json"),
        """
        {"eos_token": {"content": "<|im_end|>"}, "chat_template": [
          {"name": "default", "template": "{% for m in messages %}{{ m.content + eos_token }}{% endfor %}"},
          {"name": "tool_use", "template": "T{{ tools|length }}{% for m in messages %}{{ m.content + eos_token }}{% endfor %}"}]}
        """);
    TemplateChatFormat format = TemplateChatFormat.load(folder, tokenizer);
    assertThat(shown(format.prompt(TASK.subList(1, 2), List.of())))
        .isEqualTo("What is 482 * 917?<|im_end|>");
    assertThat(shown(format.prompt(TASK.subList(1, 2), TOOLS)))
        .isEqualTo("T1What is 482 * 917?<|im_end|>");
    assertThat(format.templateSha256()).matches("[0-9a-f]{64}");
  }

  @Test
  void stopIdsComeFromEveryConfiguration(@TempDir Path folder) throws IOException, ModelException {
    Files.writeString(folder.resolve("generation_config.json"), "{\"eos_token_id\": [505, 3]}");
    Files.writeString(folder.resolve("config.json"), "{\"eos_token_id\": 4}");
    assertThat(format(folder, "chatml").stopIds()).containsExactlyInAnyOrder(505, 3, 4, 507);
  }

  private static Message result(String text) {
    return new Message.Tool("call_0_0", "python", text);
  }

  private static String shown(Tokens ids) {
    return tokenizer.decode(ids, false);
  }

  /// A folder with one of the test templates; `headers` needs a tokenizer with its end of turn.
  private static TemplateChatFormat format(Path folder, String template)
      throws IOException, ModelException {
    String source = Files.readString(TEMPLATES.resolve(template + ".jinja"));
    if (!template.equals("headers")) return formatOf(folder, source);
    String json =
        Files.readString(Golden.TINY.resolve("tokenizer.json")).replace("<|im_end|>", "<|eot_id|>");
    Files.writeString(folder.resolve("tokenizer.json"), json);
    Files.writeString(
        folder.resolve("tokenizer_config.json"),
        "{\"eos_token\": \"<|eot_id|>\", \"bos_token\": \"<s>\"}");
    Files.writeString(folder.resolve("chat_template.jinja"), source);
    return TemplateChatFormat.load(folder, Tokenizer.load(folder));
  }

  private static TemplateChatFormat formatOf(Path folder, String source)
      throws IOException, ModelException {
    Files.writeString(folder.resolve("chat_template.jinja"), source);
    Files.writeString(
        folder.resolve("tokenizer_config.json"),
        "{\"eos_token\": \"<|im_end|>\", \"bos_token\": \"<|endoftext|>\"}");
    return TemplateChatFormat.load(folder, tokenizer);
  }
}
