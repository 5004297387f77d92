package dev.turnstone.envadapters.openenv;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.envadapters.peer.JsonText;
import java.util.ArrayList;
import java.util.List;

/// The messages of OpenEnv's WebSocket.
final class EpisodeJson {
  private EpisodeJson() {}

  static ObjectNode step(JsonNode action) {
    ObjectNode question = JsonText.object().put("type", "step");
    question.set("data", action);
    return question;
  }

  static ObjectNode callTool(String name, JsonNode arguments) {
    ObjectNode action = JsonText.object().put("type", "call_tool").put("tool_name", name);
    action.set("arguments", arguments);
    return step(action);
  }

  static ObjectNode listTools() {
    ObjectNode question = JsonText.object().put("type", "mcp");
    question.putObject("data").put("jsonrpc", "2.0").put("id", 1).put("method", "tools/list");
    return question;
  }

  /// The tools that a server lists; none if it has only actions.
  static List<JsonNode> tools(JsonNode answer) {
    List<JsonNode> tools = new ArrayList<>();
    answer.at("/data/result/tools").forEach(tools::add);
    return tools;
  }

  static boolean isObservation(JsonNode answer) {
    return answer.path("type").asText().equals("observation");
  }

  static boolean full(JsonNode answer) {
    return code(answer).equals("CAPACITY_REACHED");
  }

  /// Empty if the answer is no error.
  static String code(JsonNode answer) {
    return answer.path("type").asText().equals("error")
        ? answer.at("/data/code").asText("UNKNOWN")
        : "";
  }

  static String error(JsonNode answer) {
    String said = answer.at("/data/message").asText(answer.toString());
    return said.substring(0, Math.min(said.length(), 500));
  }

  /// What the policy reads of an observation: its one text, or all of it as JSON.
  static String text(JsonNode whole) {
    JsonNode observation = whole;
    if (whole instanceof ObjectNode object && object.path("metadata").isEmpty())
      observation = object.deepCopy().without("metadata");
    JsonNode result = observation.path("result");
    if (observation.has("tool_name") && !result.isMissingNode()) return result(result);
    if (observation.size() == 1 && observation.elements().next().isTextual())
      return observation.elements().next().textValue();
    return observation.isTextual() ? observation.textValue() : observation.toString();
  }

  /// A tool's result may be what MCP calls one.
  private static String result(JsonNode result) {
    List<String> texts = new ArrayList<>();
    for (JsonNode part : result.path("content"))
      if (part.path("text").isTextual()) texts.add(part.path("text").textValue());
    if (!texts.isEmpty()) return String.join("\n", texts);
    return result.isTextual() ? result.textValue() : result.toString();
  }
}
