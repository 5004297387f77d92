package dev.turnstone.engine.chat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.engine.ModelException;
import dev.turnstone.engine.chat.ChatTemplate.ArgumentStyle;
import dev.turnstone.engine.chat.tools.TurnParser;
import dev.turnstone.rollout.ChatFormat;
import dev.turnstone.rollout.Json;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.Rendering;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.ToolCall;
import dev.turnstone.rollout.ToolSpec;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/// The chat format of a model folder: its template and its tokenizer.
///
/// A suffix is what the template writes after an assistant's turn. To find it, the new messages are
/// rendered behind a stand-in turn, and everything from the stand-in's end-of-turn token on is
/// encoded by itself. If the held ids already end with that token it is not repeated. What stands
/// in messages never becomes a token that frames them: neither user nor tool nor policy can forge a
/// turn. Immutable.
public final class TemplateChatFormat implements ChatFormat {
  /// What the stand-in says, so that its end can be found in the rendered text.
  private static final String STAND_IN = "TURNSTONE-STAND-IN";

  private final Tokenizer tokenizer;
  private final ChatTemplate template;
  private final Set<Integer> stopIds;
  private final ArgumentStyle arguments;
  private final TemplateCheck check;
  private final ControlTokens control;
  private final Clock clock;

  private TemplateChatFormat(
      Tokenizer tokenizer, ChatTemplate template, Set<Integer> stopIds, Clock clock) {
    this.tokenizer = tokenizer;
    this.template = template;
    this.clock = clock;
    this.arguments = TemplateCheck.argumentStyle(template, now());
    this.control = TemplateCheck.controlTokens(template, tokenizer, now());
    this.stopIds = Set.copyOf(withEndOfTurn(stopIds));
    this.check = TemplateCheck.of(template, arguments, now());
  }

  /// Loads a model folder's chat template and its stop ids, which `generation_config.json`,
  /// `config.json` and `tokenizer_config.json` say, as far as they are there.
  ///
  /// @throws ModelException if the template is missing, not understood, or ends no turn with a
  ///   token
  public static TemplateChatFormat load(Path folder, Tokenizer tokenizer) throws ModelException {
    return load(folder, tokenizer, Clock.system(ZoneId.systemDefault()));
  }

  /// Loads with a clock, for templates that show the date.
  static TemplateChatFormat load(Path folder, Tokenizer tokenizer, Clock clock)
      throws ModelException {
    try {
      return new TemplateChatFormat(
          tokenizer, ChatTemplate.load(folder), eosIds(folder, tokenizer), clock);
    } catch (IOException e) {
      throw new ModelException("cannot read the chat format in " + folder + ": " + e, e);
    } catch (IllegalArgumentException e) {
      throw new ModelException("the chat format of " + folder + ": " + e.getMessage(), e);
    }
  }

  private static Set<Integer> eosIds(Path folder, Tokenizer tokenizer) throws IOException {
    Set<Integer> ids = new TreeSet<>();
    for (String file : List.of("generation_config.json", "config.json")) {
      JsonNode eos = ChatTemplate.readIfThere(folder.resolve(file)).path("eos_token_id");
      if (eos.isInt()) ids.add(eos.intValue());
      for (JsonNode id : eos) ids.add(id.intValue());
    }
    JsonNode eos =
        ChatTemplate.readIfThere(folder.resolve("tokenizer_config.json")).path("eos_token");
    String token = eos.isObject() ? eos.path("content").asText() : eos.asText("");
    tokenizer.id(token).ifPresent(ids::add);
    return ids;
  }

  /// The stop ids and the special token with which the template ends a turn, which may be another.
  private Set<Integer> withEndOfTurn(Set<Integer> eosIds) {
    Set<Integer> ids = new TreeSet<>(eosIds);
    String after = afterStandIn(List.of(), List.of(), false, Map.of()).text();
    Tokens tail = tokenizer.encode(after, false);
    for (int i = 0; i < tail.size(); i++) {
      if (!tokenizer.isSpecial(tail.get(i)) && !eosIds.contains(tail.get(i))) continue;
      ids.add(tail.get(i));
      return ids;
    }
    throw new IllegalArgumentException(
        "the chat template ends an assistant's turn with no special token, but with: " + after);
  }

  @Override
  public Tokens prompt(List<Message> messages, List<ToolSpec> tools) {
    return prompt(messages, tools, Rendering.USUAL);
  }

  @Override
  public Tokens prompt(List<Message> messages, List<ToolSpec> tools, Rendering rendering) {
    ChatTemplate chosen = rendering.template().map(template::with).orElse(template);
    boolean opened = rendering.generationPrompt();
    PromptText text =
        chosen.prompt(messages, tools, opened, now(), arguments, control, rendering.variables());
    return tokenizer.encode(
        rendering.continued() ? upTo(text, messages.getLast().content()) : text, control);
  }

  /// A rendered conversation up to the end of its last message, as transformers cuts it.
  private static PromptText upTo(PromptText rendered, String last) {
    String text = rendered.text();
    String stripped = last.strip();
    int at = text.lastIndexOf(stripped);
    if (stripped.isEmpty() || at < 0)
      throw new IllegalArgumentException(
          "the chat template does not show the message that is to be continued");
    String whole = last.stripLeading();
    return rendered.upTo(at + (text.startsWith(whole, at) ? whole.length() : stripped.length()));
  }

  @Override
  public Tokens suffix(Tokens held, List<Message> messages, List<ToolSpec> tools) {
    return suffix(held, messages, tools, Map.of());
  }

  @Override
  public Tokens suffix(
      Tokens held, List<Message> messages, List<ToolSpec> tools, Map<String, Json> variables) {
    PromptText after = afterStandIn(messages, tools, true, variables);
    Tokens ids = tokenizer.encode(after, control);
    int end = 0;
    while (end < ids.size() && !stopIds.contains(ids.get(end))) end++;
    if (end == ids.size())
      throw new IllegalArgumentException(
          "the chat template writes no end of turn before: " + after.text());
    boolean ended = !held.isEmpty() && held.last() == ids.get(end);
    return ids.slice(ended ? end + 1 : end, ids.size());
  }

  /// What the template writes after the stand-in's text, up to the end.
  private PromptText afterStandIn(
      List<Message> messages,
      List<ToolSpec> tools,
      boolean generationPrompt,
      Map<String, Json> variables) {
    List<Message> conversation = new ArrayList<>();
    conversation.add(new Message.User("?"));
    conversation.add(standIn(messages));
    conversation.addAll(messages);
    PromptText prompt =
        template.prompt(
            conversation, tools, generationPrompt, now(), arguments, control, variables);
    int at = prompt.text().indexOf(STAND_IN);
    if (at < 0)
      throw new IllegalArgumentException("the chat template leaves out an assistant's turn");
    return prompt.from(at + STAND_IN.length());
  }

  /// An assistant's turn that calls the tools which the first messages answer; the last call, or
  /// the text if there is none, says [#STAND_IN].
  private static Message standIn(List<Message> messages) {
    List<ToolCall> calls = new ArrayList<>();
    for (Message message : messages) {
      if (!(message instanceof Message.Tool tool)) break;
      calls.add(new ToolCall(tool.callId(), tool.name(), Json.EMPTY_OBJECT));
    }
    if (calls.isEmpty()) return new Message.Assistant(STAND_IN, List.of());
    ToolCall last = calls.removeLast();
    calls.add(new ToolCall(last.id(), last.name(), new Json("{\"text\": \"" + STAND_IN + "\"}")));
    return new Message.Assistant("", calls);
  }

  private LocalDateTime now() {
    return LocalDateTime.now(clock);
  }

  @Override
  public String text(Tokens generated) {
    int end = generated.size();
    while (end > 0 && stopIds.contains(generated.get(end - 1))) end--;
    return tokenizer.decode(generated.slice(0, end), false);
  }

  @Override
  public boolean rewritesHistory() {
    return check.divergence().isPresent();
  }

  @Override
  public Set<Integer> stopIds() {
    return stopIds;
  }

  /// What reads the turns that the template teaches.
  public TurnParser parser() {
    return TurnParser.of(template.source());
  }

  public Tokenizer tokenizer() {
    return tokenizer;
  }

  /// How the template treats turns that were written before.
  public TemplateCheck check() {
    return check;
  }

  /// Hash of the template's source, in lower-case hexadecimal.
  public String templateSha256() {
    return template.sha256();
  }
}
