package dev.turnstone.engine.chat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Set;
import java.util.function.UnaryOperator;

/// The tokens with which a chat template frames a conversation, and which nothing that stands in a
/// message may forge.
///
/// Turn tokens are those that the tokenizer calls special and those that the template writes around
/// plain messages: they are text wherever a message holds their names. Marks are further added
/// tokens that the template names, such as `</tool_response>`: they are text in what a tool says,
/// but users and systems may speak of `<think>` as transformers reads it. Immutable.
final class ControlTokens {
  /// Where a name in a message is only text.
  enum Quoting {
    TURNS_AND_MARKS,
    TURNS
  }

  /// Fields whose words are the server's own.
  private static final Set<String> OWN = Set.of("role", "type");

  private final TokenNames turns;
  private final TokenNames all;
  private final Set<String> names;

  ControlTokens(Collection<String> turns, Collection<String> marks) {
    var together = new ArrayList<>(turns);
    together.addAll(marks);
    this.turns = new TokenNames(turns);
    this.all = new TokenNames(together);
    this.names = Set.copyOf(together);
  }

  Set<String> names() {
    return names;
  }

  /// Whether some text in a tree holds a name, or could be part of one.
  boolean maybeIn(JsonNode data) {
    if (data.isTextual()) return maybeIn(data.textValue());
    for (var field : data.properties()) if (maybeIn(field.getKey())) return true;
    for (JsonNode inner : data) if (maybeIn(inner)) return true;
    return false;
  }

  private boolean maybeIn(String text) {
    for (int i = 0; i < text.length(); i++) if (all.mayBegin(text, i)) return true;
    return false;
  }

  /// The first name in a tree's texts, those of its keys first; empty if they hold none.
  String firstIn(JsonNode data) {
    if (data.isTextual()) return all.firstIn(data.textValue());
    for (var field : data.properties()) {
      String found = all.firstIn(field.getKey());
      if (!found.isEmpty()) return found;
    }
    for (JsonNode inner : data) {
      String found = firstIn(inner);
      if (!found.isEmpty()) return found;
    }
    return "";
  }

  /// A copy of messages with a mark behind the first letter of every name that is to be text.
  ArrayNode marked(JsonNode messages, String mark, Quoting quoting) {
    ArrayNode made = JsonNodeFactory.instance.arrayNode();
    for (JsonNode message : messages) {
      boolean tool = message.path("role").asText("").equals("tool");
      TokenNames quoted = tool && quoting == Quoting.TURNS_AND_MARKS ? all : turns;
      made.add(marked(message, mark, quoted));
    }
    return made;
  }

  /// A copy of other variables of a template, such as documents, with turn tokens marked.
  JsonNode marked(JsonNode variables, String mark) {
    return marked(variables, mark, turns);
  }

  private static JsonNode marked(JsonNode data, String mark, TokenNames quoted) {
    return switch (data) {
      case TextNode text -> TextNode.valueOf(marked(text.textValue(), mark, quoted));
      case ArrayNode list -> {
        ArrayNode made = JsonNodeFactory.instance.arrayNode();
        list.forEach(item -> made.add(marked(item, mark, quoted)));
        yield made;
      }
      case ObjectNode object -> {
        ObjectNode made = JsonNodeFactory.instance.objectNode();
        for (var field : object.properties()) {
          JsonNode value = field.getValue();
          made.set(
              marked(field.getKey(), mark, quoted),
              OWN.contains(field.getKey()) ? value : marked(value, mark, quoted));
        }
        yield made;
      }
      default -> data;
    };
  }

  private static String marked(String text, String mark, TokenNames quoted) {
    StringBuilder made = new StringBuilder();
    for (int i = 0; i < text.length(); i++) {
      made.append(text.charAt(i));
      if (quoted.mayBegin(text, i)) made.append(mark);
    }
    return made.toString();
  }

  /// Whether a quoted name stands in a text, so that it must not be encoded as it is.
  boolean quotedIn(PromptText prompt) {
    String text = prompt.text();
    for (int i = prompt.quoted().nextSetBit(0); i >= 0; i = prompt.quoted().nextSetBit(i + 1))
      if (all.at(text, i) > 0) return true;
    return false;
  }

  /// The text with other names for the tokens that it means.
  ///
  /// @param alias of a name
  String aliased(PromptText prompt, UnaryOperator<String> alias) {
    String text = prompt.text();
    StringBuilder made = new StringBuilder(text.length());
    for (int i = 0; i < text.length(); ) {
      int length = prompt.quoted().get(i) ? 0 : all.at(text, i);
      if (length == 0) {
        made.append(text.charAt(i++));
        continue;
      }
      made.append(alias.apply(text.substring(i, i + length)));
      i += length;
    }
    return made.toString();
  }
}
