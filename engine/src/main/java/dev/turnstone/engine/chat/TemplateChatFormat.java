package dev.turnstone.engine.chat;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.engine.ModelException;
import dev.turnstone.engine.chat.jinja.Template;
import dev.turnstone.engine.chat.jinja.TemplateException;
import dev.turnstone.rollout.ChatFormat;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.ToolCall;
import dev.turnstone.rollout.ToolSpec;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/// A model folder's own chat template and tokenizer as a chat format.
///
/// What the policy wrote is never rendered again. New messages are rendered behind a stand-in
/// conversation that ends with an assistant's turn, and only what the template adds after that turn
/// is encoded; so the template must only ever append, which [#load] checks.
public final class TemplateChatFormat implements ChatFormat {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Message USER = new Message.User("x");
  private static final Message ASSISTANT = new Message.Assistant("y", List.of());

  private final Tokenizer tokenizer;
  private final Template template;
  private final String source;
  private final Set<Integer> stopIds;
  private final Set<String> stopTexts;

  private TemplateChatFormat(
      Tokenizer tokenizer, String source, Set<Integer> stopIds, Set<String> stopTexts) {
    this.tokenizer = tokenizer;
    this.source = source;
    this.template = Template.parse(source);
    this.stopIds = Set.copyOf(stopIds);
    this.stopTexts = Set.copyOf(stopTexts);
  }

  /// Reads the template and the ids that end a turn, and checks that the template only appends.
  ///
  /// @throws ModelException if one is missing, not understood, or rewrites history
  public static TemplateChatFormat load(Path folder, Tokenizer tokenizer) throws ModelException {
    try {
      String source = source(folder);
      Set<Integer> stops = stopIds(folder, tokenizer);
      if (stops.isEmpty())
        throw new ModelException("no eos token in the configuration of " + folder);
      Set<String> texts = new TreeSet<>();
      for (int id : stops) texts.add(new String(tokenizer.bytes(id), StandardCharsets.UTF_8));
      var format = new TemplateChatFormat(tokenizer, source, stops, texts);
      format.checkAppends(folder);
      return format;
    } catch (IOException e) {
      throw new ModelException("cannot read the chat format in " + folder + ": " + e, e);
    } catch (TemplateException e) {
      throw new ModelException("the chat template of " + folder + ": " + e.getMessage(), e);
    }
  }

  private static String source(Path folder) throws IOException, ModelException {
    Path file = folder.resolve("chat_template.jinja");
    if (Files.isRegularFile(file)) return Files.readString(file);
    JsonNode inside = read(folder.resolve("tokenizer_config.json")).path("chat_template");
    if (inside.isTextual()) return inside.asText();
    throw new ModelException("no chat template in " + folder);
  }

  private static JsonNode read(Path file) throws IOException {
    return Files.isRegularFile(file) ? JSON.readTree(file.toFile()) : JSON.createObjectNode();
  }

  private static Set<Integer> stopIds(Path folder, Tokenizer tokenizer) throws IOException {
    var ids = new TreeSet<Integer>();
    JsonNode token = read(folder.resolve("tokenizer_config.json")).path("eos_token");
    String text = token.isObject() ? token.path("content").asText() : token.asText();
    tokenizer.added(text).ifPresent(ids::add);
    for (String file : List.of("generation_config.json", "config.json")) {
      JsonNode eos = read(folder.resolve(file)).path("eos_token_id");
      if (eos.isInt()) ids.add(eos.asInt());
      for (JsonNode id : eos) ids.add(id.asInt());
    }
    return ids;
  }

  private void checkAppends(Path folder) throws ModelException {
    List<Message> held = List.of(USER, ASSISTANT);
    for (Message next : List.of(new Message.Tool("call_0_0", "t", "z"), new Message.User("z"))) {
      var longer = new ArrayList<>(held);
      longer.add(next);
      if (!render(longer, List.of(), true).startsWith(uptoTurnEnd(held, List.of())))
        throw new ModelException(
            "the chat template of %s rewrites history when a %s message follows"
                .formatted(folder, next.role()));
    }
  }

  @Override
  public Tokens prompt(List<Message> messages, List<ToolSpec> tools) {
    try {
      return tokenizer.encode(render(messages, tools, true));
    } catch (TemplateException e) {
      throw new IllegalArgumentException("the chat template refuses: " + e.getMessage(), e);
    }
  }

  @Override
  public Tokens suffix(Tokens held, List<Message> messages, List<ToolSpec> tools) {
    List<Message> standIn = List.of(USER, ASSISTANT);
    var longer = new ArrayList<>(standIn);
    longer.addAll(messages);
    String before = uptoTurnEnd(standIn, tools);
    String whole = render(longer, tools, true);
    if (!whole.startsWith(before))
      throw new IllegalArgumentException("the chat template rewrites history");
    String added = whole.substring(before.length());
    // What follows the stand-in's text starts with the end of its turn; the policy wrote its own.
    for (String stop : stopTexts) {
      if (!added.startsWith(stop)) continue;
      boolean ended = !held.isEmpty() && stopIds.contains(held.last());
      return tokenizer.encode(ended ? added.substring(stop.length()) : added);
    }
    return tokenizer.encode(added);
  }

  /// The conversation up to the last character that its last message wrote.
  private String uptoTurnEnd(List<Message> messages, List<ToolSpec> tools) {
    String text = render(messages, tools, false);
    String last = messages.getLast().content();
    return text.substring(0, text.lastIndexOf(last) + last.length());
  }

  private String render(List<Message> messages, List<ToolSpec> tools, boolean generationPrompt) {
    ObjectNode variables = JSON.createObjectNode();
    ArrayNode list = variables.putArray("messages");
    messages.forEach(message -> list.add(json(message)));
    if (tools.isEmpty()) variables.putNull("tools");
    for (ToolSpec tool : tools) variables.withArray("tools").add(json(tool));
    variables.putNull("documents");
    variables.put("add_generation_prompt", generationPrompt);
    variables.put("bos_token", "").put("eos_token", stopTexts.iterator().next());
    return template.render(variables, LocalDateTime.now(ZoneId.systemDefault())).text();
  }

  @Override
  public String text(Tokens generated) {
    return tokenizer.decode(generated);
  }

  @Override
  public Set<Integer> stopIds() {
    return stopIds;
  }

  /// Of the template's text, lower-case hexadecimal.
  public String templateSha256() {
    return Tokenizer.sha256(source.getBytes(StandardCharsets.UTF_8));
  }

  private static ObjectNode json(Message message) {
    ObjectNode node = JSON.createObjectNode();
    node.put("role", message.role()).put("content", message.content());
    if (message instanceof Message.Assistant(_, var calls) && !calls.isEmpty())
      for (ToolCall call : calls) {
        ObjectNode entry = node.withArray("tool_calls").addObject();
        entry.put("id", call.id()).put("type", "function");
        entry
            .putObject("function")
            .put("name", call.name())
            .set("arguments", parse(call.arguments().text()));
      }
    if (message instanceof Message.Tool(String callId, String name, _))
      node.put("tool_call_id", callId).put("name", name);
    return node;
  }

  private static ObjectNode json(ToolSpec tool) {
    ObjectNode node = JSON.createObjectNode().put("type", "function");
    node.putObject("function")
        .put("name", tool.name())
        .put("description", tool.description())
        .set("parameters", parse(tool.parameters().text()));
    return node;
  }

  private static JsonNode parse(String text) {
    try {
      return JSON.readTree(text);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("not JSON: " + text, e);
    }
  }
}
