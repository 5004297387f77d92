package dev.turnstone.envadapters.tasks;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.envadapters.peer.JsonText;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Which fields of a row become what of a task. A field may be a path, as in `extra.answer`.
///
/// @param prompt field with the user's one message, or with a whole conversation
/// @param system put before it
/// @param id field that names the group; empty takes the file's name and the row's number
/// @param data names in the task's data and the fields they come from; none takes the whole row
public record TaskMapping(
    String prompt, Optional<String> system, Optional<String> id, Map<String, String> data) {
  private static final String NAME = "[A-Za-z0-9][A-Za-z0-9._:-]{0,127}";
  private static final List<String> ROLES = List.of("system", "user", "assistant", "tool");

  /// A row that lacks what the mapping asks for. The message is the end of a sentence.
  static final class Unusable extends Exception {
    private static final long serialVersionUID = 1;

    Unusable(String why) {
      super(why);
    }
  }

  TaskRow task(JsonNode row, String defaultName) throws Unusable {
    if (!(row instanceof ObjectNode fields)) throw new Unusable("it is no JSON object");
    return new TaskRow(name(fields, defaultName), messages(fields), data(fields));
  }

  private String name(ObjectNode row, String defaultName) throws Unusable {
    if (id.isEmpty()) return defaultName;
    JsonNode value = required(row, id.get());
    String name = value.asText();
    if (!value.isValueNode() || !name.matches(NAME))
      throw new Unusable("%s names no group, was %s".formatted(id.get(), shown(value)));
    return name;
  }

  private ArrayNode messages(ObjectNode row) throws Unusable {
    ArrayNode messages = row.arrayNode();
    system.ifPresent(text -> messages.addObject().put("role", "system").put("content", text));
    JsonNode said = required(row, prompt);
    if (said.isTextual() && !said.textValue().isBlank()) {
      messages.addObject().put("role", "user").put("content", said.textValue());
      return messages;
    }
    if (!said.isArray() || said.isEmpty())
      throw new Unusable(
          "%s must be a text or a list of messages, was %s".formatted(prompt, shown(said)));
    for (JsonNode message : said) messages.add(message(message));
    return messages;
  }

  private ObjectNode message(JsonNode message) throws Unusable {
    String role = message.path("role").asText(message.path("from").asText());
    String plain = role.equals("human") ? "user" : role.equals("gpt") ? "assistant" : role;
    JsonNode content = message.has("content") ? message.get("content") : message.path("value");
    if (!ROLES.contains(plain) || !content.isTextual())
      throw new Unusable("%s has no role and content: %s".formatted(prompt, shown(message)));
    return JsonText.object().put("role", plain).put("content", content.textValue());
  }

  private ObjectNode data(ObjectNode row) throws Unusable {
    if (data.isEmpty()) return row;
    ObjectNode chosen = row.objectNode();
    for (Map.Entry<String, String> field : data.entrySet())
      chosen.set(field.getKey(), required(row, field.getValue()));
    return chosen;
  }

  private static JsonNode required(ObjectNode row, String path) throws Unusable {
    JsonNode found = row.has(path) ? row.get(path) : row.at("/" + path.replace('.', '/'));
    if (found.isMissingNode() || found.isNull())
      throw new Unusable(
          "%s is missing; there are %s"
              .formatted(
                  path,
                  String.join(", ", row.properties().stream().map(Map.Entry::getKey).toList())));
    return found;
  }

  private static String shown(JsonNode node) {
    String text = node.toString();
    return text.length() <= 100 ? text : text.substring(0, 100) + "…";
  }
}
