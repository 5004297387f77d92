package dev.turnstone.trainerbridge.spec;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.Json;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.Task;
import dev.turnstone.trainerbridge.json.Fields;
import dev.turnstone.trainerbridge.json.JsonText;
import dev.turnstone.trainerbridge.json.MessageJson;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/// One task as a client submits it, to be rolled out as a group: `{"group", "task"}`.
///
/// @param group the client's name of it within the run
/// @param data what the reward needs; a JSON object
/// @param sha256 of the canonical body: the same name again must come with the same
public record GroupRequest(String group, List<Message> messages, Json data, String sha256) {
  public GroupRequest {
    RunSpec.requireName("group", group);
    messages = List.copyOf(messages);
    if (messages.isEmpty())
      throw new IllegalArgumentException("task.messages is empty in group " + group);
  }

  /// Reads the body of `POST /v1/runs/{run}/groups`: one group or `{"groups": […]}`.
  ///
  /// @throws IllegalArgumentException with a sentence that names the offending value
  public static List<GroupRequest> parseAll(JsonNode body) {
    Fields fields = Fields.of("", body);
    if (!fields.has("groups")) return List.of(parse(body));
    List<GroupRequest> groups = new ArrayList<>();
    Set<String> names = new HashSet<>();
    for (JsonNode item : fields.list("groups")) {
      GroupRequest group = parse(item);
      if (!names.add(group.group()))
        throw new IllegalArgumentException("groups names a group twice: " + group.group());
      groups.add(group);
    }
    if (groups.isEmpty()) throw new IllegalArgumentException("groups is empty");
    return groups;
  }

  /// Reads one `{"group", "task"}`.
  ///
  /// @throws IllegalArgumentException with a sentence that names the offending value
  public static GroupRequest parse(JsonNode body) {
    Fields fields = Fields.of("", body);
    Fields task =
        fields.object("task").orElseThrow(() -> new IllegalArgumentException("task is missing"));
    Json data =
        task.object("data")
            .map(object -> new Json(JsonText.write(object.tree())))
            .orElse(Json.EMPTY_OBJECT);
    return new GroupRequest(
        fields.text("group"),
        MessageJson.parse("task.messages", task.list("messages")),
        data,
        JsonText.sha256(JsonText.canonical(body)));
  }

  public Task task(String environment) {
    return new Task(group, messages, environment, data);
  }

  /// `{"messages", "data"}`, as logged and as sent to the trainer.
  public static ObjectNode taskJson(Task task) {
    ObjectNode node = JsonText.object();
    node.set("messages", MessageJson.write(task.messages()));
    node.set("data", JsonText.parse(task.data().text()));
    return node;
  }

  public static Task parseTask(String group, String environment, String json) {
    Fields fields = Fields.of("task", JsonText.parse(json));
    Json data = new Json(JsonText.write(fields.tree().path("data")));
    return new Task(
        group, MessageJson.parse("messages", fields.list("messages")), environment, data);
  }
}
