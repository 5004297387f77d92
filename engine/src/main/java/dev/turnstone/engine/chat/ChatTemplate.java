package dev.turnstone.engine.chat;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.engine.chat.ControlTokens.Quoting;
import dev.turnstone.engine.chat.jinja.Template;
import dev.turnstone.engine.chat.jinja.TemplateException;
import dev.turnstone.rollout.Json;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.ToolCall;
import dev.turnstone.rollout.ToolSpec;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// A model's chat template with what transformers passes to it: messages, tools, special tokens.
public final class ChatTemplate {
  private static final ObjectMapper JSON =
      new ObjectMapper().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);
  private static final List<String> SPECIAL_TOKENS =
      List.of(
          "bos_token",
          "eos_token",
          "unk_token",
          "sep_token",
          "pad_token",
          "cls_token",
          "mask_token");

  /// How a template wants the arguments of tool calls.
  enum ArgumentStyle {
    OBJECT,
    TEXT
  }

  private final Template template;
  private final Optional<Template> toolTemplate;
  private final ObjectNode specialTokens;
  private final String source;

  private ChatTemplate(
      Template template, Optional<Template> toolTemplate, ObjectNode specialTokens, String source) {
    this.template = template;
    this.toolTemplate = toolTemplate;
    this.specialTokens = specialTokens;
    this.source = source;
  }

  /// A template by its source.
  ///
  /// @param specialTokens such as `bos_token` → `<s>`
  public static ChatTemplate of(String source, Map<String, String> specialTokens) {
    ObjectNode tokens = JSON.createObjectNode();
    specialTokens.forEach(tokens::put);
    return new ChatTemplate(Template.parse(source), Optional.empty(), tokens, source);
  }

  /// Another template for the same special tokens.
  ///
  /// @throws IllegalArgumentException if it is not understood
  ChatTemplate with(String other) {
    return new ChatTemplate(Template.parse(other), Optional.empty(), specialTokens, other);
  }

  /// Loads a model folder's template: `chat_template.jinja`, else the entry of
  /// `tokenizer_config.json`.
  ///
  /// @throws IllegalArgumentException if there is none, or one that is not understood
  public static ChatTemplate load(Path folder) throws IOException {
    JsonNode config = readIfThere(folder.resolve("tokenizer_config.json"));
    ObjectNode tokens =
        specialTokens(config, readIfThere(folder.resolve("special_tokens_map.json")));
    Path file = folder.resolve("chat_template.jinja");
    if (Files.exists(file)) {
      String source = Files.readString(file);
      return new ChatTemplate(Template.parse(source), Optional.empty(), tokens, source);
    }
    JsonNode entry = config.path("chat_template");
    if (entry.isTextual())
      return new ChatTemplate(
          Template.parse(entry.textValue()), Optional.empty(), tokens, entry.textValue());
    String source =
        named(entry, "default")
            .orElseThrow(() -> new IllegalArgumentException("no chat template in " + folder));
    Optional<String> forTools = named(entry, "tool_use");
    return new ChatTemplate(
        Template.parse(source),
        forTools.map(Template::parse),
        tokens,
        source + forTools.orElse(""));
  }

  private static Optional<String> named(JsonNode templates, String name) {
    for (JsonNode one : templates)
      if (name.equals(one.path("name").textValue()))
        return Optional.ofNullable(one.path("template").textValue());
    return Optional.empty();
  }

  static JsonNode readIfThere(Path file) throws IOException {
    return Files.exists(file) ? JSON.readTree(file.toFile()) : JSON.createObjectNode();
  }

  private static ObjectNode specialTokens(JsonNode config, JsonNode older) {
    ObjectNode tokens = JSON.createObjectNode();
    for (String name : SPECIAL_TOKENS) {
      JsonNode entry = config.hasNonNull(name) ? config.get(name) : older.path(name);
      JsonNode token = entry.isObject() ? entry.path("content") : entry;
      if (token.isTextual()) tokens.set(name, token);
    }
    return tokens;
  }

  /// Renders a conversation.
  ///
  /// @param generationPrompt whether to end where the assistant is to write
  /// @throws dev.turnstone.engine.chat.jinja.TemplateException if the template refuses it
  public String render(
      List<Message> messages, List<ToolSpec> tools, boolean generationPrompt, LocalDateTime now) {
    return render(messages, tools, generationPrompt, now, ArgumentStyle.OBJECT);
  }

  String render(
      List<Message> messages,
      List<ToolSpec> tools,
      boolean generationPrompt,
      LocalDateTime now,
      ArgumentStyle style) {
    return render(
        conversation(messages, style),
        offered(tools),
        generationPrompt,
        JSON.createObjectNode(),
        now);
  }

  private static ArrayNode conversation(List<Message> messages, ArgumentStyle style) {
    ArrayNode conversation = JSON.createArrayNode();
    for (Message message : messages) conversation.add(json(message, style));
    return conversation;
  }

  private static ArrayNode offered(List<ToolSpec> tools) {
    ArrayNode offered = JSON.createArrayNode();
    for (ToolSpec tool : tools) offered.add(json(tool));
    return offered;
  }

  /// Renders a conversation and finds out which of its control tokens stand in messages.
  ///
  /// If there may be any, it is rendered once more with marks in the messages; where the marks come
  /// out is where messages came out. The text is proof that the marks changed nothing else.
  ///
  /// @param more further variables of the template
  /// @throws IllegalArgumentException if the template decides by what is marked
  PromptText prompt(
      List<Message> messages,
      List<ToolSpec> tools,
      boolean generationPrompt,
      LocalDateTime now,
      ArgumentStyle style,
      ControlTokens control,
      Map<String, Json> more) {
    ArrayNode said = conversation(messages, style);
    ArrayNode offered = offered(tools);
    ObjectNode variables = JSON.createObjectNode();
    more.forEach((name, value) -> variables.set(name, value(name, value)));
    String text = render(said, offered, generationPrompt, variables, now);
    if (!control.maybeIn(said) && !control.maybeIn(offered) && !control.maybeIn(variables))
      return PromptText.plain(text);
    String mark = mark(text);
    for (Quoting quoting : Quoting.values()) {
      try {
        JsonNode quoted = control.marked(said, mark, quoting);
        JsonNode tooled = control.marked(offered, mark, quoting);
        JsonNode varied = control.marked(variables, mark);
        PromptText prompt =
            PromptText.unmarked(render(quoted, tooled, generationPrompt, varied, now), mark);
        if (prompt.text().equals(text)) return prompt;
      } catch (TemplateException _) {
        // It minds the marks: with fewer it may not.
      }
    }
    String name = control.firstIn(JSON.createArrayNode().add(said).add(offered).add(variables));
    if (name.isEmpty()) return PromptText.plain(text);
    throw new IllegalArgumentException(
        "the chat template goes by where messages say %s, so it cannot be told from the template's own"
            .formatted(name));
  }

  /// Letters, which templates leave alone, that do not stand in a text; they cannot overlap.
  private static String mark(String text) {
    String mark = "qTSZ";
    for (int i = 0; text.contains(mark); i++) mark = "qTS" + i + "Z";
    return mark;
  }

  /// Renders a conversation in the form of the OpenAI API.
  ///
  /// @param tools an array; empty for none
  /// @param more further variables of the template, such as `enable_thinking`
  public String render(
      JsonNode messages,
      JsonNode tools,
      boolean generationPrompt,
      JsonNode more,
      LocalDateTime now) {
    ObjectNode variables = specialTokens.deepCopy();
    variables.set("messages", messages);
    variables.set("tools", tools.isEmpty() ? null : tools);
    variables.putNull("documents");
    variables.put("add_generation_prompt", generationPrompt);
    more.properties().forEach(entry -> variables.set(entry.getKey(), entry.getValue()));
    Template chosen = tools.isEmpty() ? template : toolTemplate.orElse(template);
    return chosen.render(variables, now).text();
  }

  private static ObjectNode json(Message message, ArgumentStyle style) {
    ObjectNode made = JSON.createObjectNode();
    made.put("role", message.role());
    made.put("content", message.content());
    switch (message) {
      case Message.Assistant assistant -> {
        if (!assistant.reasoning().isEmpty()) made.put("reasoning_content", assistant.reasoning());
        if (!assistant.toolCalls().isEmpty()) {
          ArrayNode calls = made.putArray("tool_calls");
          for (ToolCall call : assistant.toolCalls()) calls.add(json(call, style));
        }
      }
      case Message.Tool tool -> {
        made.put("tool_call_id", tool.callId());
        made.put("name", tool.name());
      }
      case Message.System _, Message.User _ -> {}
    }
    return made;
  }

  private static ObjectNode json(ToolCall call, ArgumentStyle style) {
    ObjectNode made = JSON.createObjectNode();
    made.put("id", call.id());
    made.put("type", "function");
    ObjectNode function = made.putObject("function").put("name", call.name());
    if (style == ArgumentStyle.TEXT) function.put("arguments", call.arguments().text());
    else
      function.set(
          "arguments", object(call.arguments(), "arguments of the tool call " + call.id()));
    return made;
  }

  private static ObjectNode json(ToolSpec tool) {
    ObjectNode made = JSON.createObjectNode().put("type", "function");
    made.putObject("function")
        .put("name", tool.name())
        .put("description", tool.description())
        .set("parameters", object(tool.parameters(), "parameters of the tool " + tool.name()));
    return made;
  }

  private static JsonNode value(String name, Json json) {
    try {
      return JSON.readTree(json.text());
    } catch (JsonProcessingException _) {
      throw new IllegalArgumentException("variable %s is no JSON: %s".formatted(name, json.text()));
    }
  }

  private static JsonNode object(Json json, String what) {
    try {
      JsonNode parsed = JSON.readTree(json.text());
      if (parsed.isObject()) return parsed;
    } catch (JsonProcessingException _) {
      // told below, with the text
    }
    throw new IllegalArgumentException("the " + what + " are no JSON object: " + json.text());
  }

  /// Hash of the template's source, in lower-case hexadecimal.
  public String sha256() {
    return Tokenizer.sha256(source.getBytes(StandardCharsets.UTF_8));
  }

  /// The template's source; of several templates, the default and the one for tools.
  public String source() {
    return source;
  }
}
