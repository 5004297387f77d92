package dev.turnstone.envadapters.tasks;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

/// A row of a task file as a task.
///
/// @param name of its group
/// @param messages as in the OpenAI chat API
/// @param data what the environment and the rewards need
public record TaskRow(String name, ArrayNode messages, ObjectNode data) {
  /// The body of a group, as `POST /v1/runs/{run}/groups` takes it.
  public ObjectNode toGroup() {
    ObjectNode group = data.objectNode().put("group", name);
    ObjectNode task = group.putObject("task");
    task.set("messages", messages);
    task.set("data", data);
    return group;
  }
}
