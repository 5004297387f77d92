package dev.turnstone.engine.chat;

import dev.turnstone.engine.chat.ChatTemplate.ArgumentStyle;
import dev.turnstone.engine.chat.jinja.TemplateException;
import dev.turnstone.rollout.Json;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.ToolCall;
import dev.turnstone.rollout.ToolSpec;
import java.time.LocalDateTime;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// What a probe conversation with a tool call told about a chat template.
///
/// @param divergence where the template rewrites an earlier turn, so that held ids differ from what
///   it would render; empty if it keeps every turn as it was written
/// @param toolsRefused why it cannot render a tool call; empty if it can
public record TemplateCheck(Optional<String> divergence, Optional<String> toolsRefused) {
  private static final List<ToolSpec> TOOLS =
      List.of(
          new ToolSpec(
              "python",
              "Runs Python.",
              new Json(
                  "{\"type\": \"object\", \"properties\": {\"code\": {\"type\": \"string\"}}}")));
  private static final Message CALL =
      new Message.Assistant(
          "", List.of(new ToolCall("call00001", "python", new Json("{\"code\": \"print(1)\"}"))));
  private static final List<Message> WITH_TOOLS =
      List.of(
          new Message.System("Be brief."),
          new Message.User("one"),
          CALL,
          new Message.Tool("call00001", "python", "1"),
          new Message.Assistant("two", List.of()),
          new Message.User("three"),
          new Message.Assistant("four", List.of()));
  private static final List<Message> WITHOUT_TOOLS =
      List.of(WITH_TOOLS.get(1), WITH_TOOLS.get(4), WITH_TOOLS.get(5), WITH_TOOLS.get(6));

  /// Tokens that the template writes, as far as the tokenizer has them as such.
  static ControlTokens controlTokens(
      ChatTemplate template, Tokenizer tokenizer, LocalDateTime now) {
    String plain = plain(template, now);
    Set<String> turns = new HashSet<>();
    Set<String> marks = new HashSet<>();
    for (String name : tokenizer.added()) {
      // Some vocabularies have white space and words as added tokens.
      if (name.chars().allMatch(c -> Character.isLetterOrDigit(c) || Character.isWhitespace(c)))
        continue;
      if (tokenizer.isSpecial(tokenizer.id(name).orElseThrow()) || plain.contains(name))
        turns.add(name);
      else if (template.source().contains(name)) marks.add(name);
    }
    return new ControlTokens(turns, marks);
  }

  /// A conversation without tools or reasoning.
  private static String plain(ChatTemplate template, LocalDateTime now) {
    try {
      return template.render(WITHOUT_TOOLS.subList(0, 3), List.of(), false, now);
    } catch (TemplateException _) {
      return ""; // a template that cannot even render that is told of elsewhere
    }
  }

  /// Objects, unless the template can only join the arguments to other text.
  static ArgumentStyle argumentStyle(ChatTemplate template, LocalDateTime now) {
    try {
      template.render(WITH_TOOLS, TOOLS, true, now, ArgumentStyle.OBJECT);
      return ArgumentStyle.OBJECT;
    } catch (TemplateException _) {
      try {
        template.render(WITH_TOOLS, TOOLS, true, now, ArgumentStyle.TEXT);
        return ArgumentStyle.TEXT;
      } catch (TemplateException _) {
        return ArgumentStyle.OBJECT; // it takes neither: TemplateCheck says why
      }
    }
  }

  static TemplateCheck of(ChatTemplate template, ArgumentStyle style, LocalDateTime now) {
    try {
      return new TemplateCheck(
          divergence(template, WITH_TOOLS, TOOLS, style, now), Optional.empty());
    } catch (TemplateException e) {
      return new TemplateCheck(
          divergence(template, WITHOUT_TOOLS, List.of(), style, now), Optional.of(e.getMessage()));
    }
  }

  /// Renders the conversation as it grows: each text must begin with the one before it.
  private static Optional<String> divergence(
      ChatTemplate template,
      List<Message> messages,
      List<ToolSpec> tools,
      ArgumentStyle style,
      LocalDateTime now) {
    String before = "";
    for (int i = 1; i < messages.size(); i++) {
      if (!(messages.get(i) instanceof Message.Assistant)) continue;
      String prompt = template.render(messages.subList(0, i), tools, true, now, style);
      if (!prompt.startsWith(before))
        return Optional.of("message " + i + " changes how an earlier turn is rendered");
      String turn = template.render(messages.subList(0, i + 1), tools, false, now, style);
      if (!turn.startsWith(prompt))
        return Optional.of(
            "the turn of message " + i + " does not begin with its generation prompt");
      before = turn;
    }
    return Optional.empty();
  }
}
