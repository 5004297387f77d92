package dev.turnstone.server.anthropic;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.rollout.Json;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.Rendering;
import dev.turnstone.rollout.Sampling;
import dev.turnstone.rollout.ToolCall;
import dev.turnstone.rollout.ToolSpec;
import dev.turnstone.server.completion.Ends;
import dev.turnstone.server.completion.Reading;
import dev.turnstone.server.completion.Served;
import dev.turnstone.server.http.Refused;
import dev.turnstone.server.http.Wire;
import dev.turnstone.server.openai.SamplingFields;
import dev.turnstone.server.openai.ToolChoice;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// A message as it was asked for.
///
/// @param forced tools of which at least one must be called
record MessagesRequest(
    List<Message> messages,
    List<ToolSpec> tools,
    Optional<List<ToolSpec>> forced,
    Rendering rendering,
    Reading.Message reading,
    Sampling sampling,
    Ends ends,
    int maxTokens,
    boolean stream) {

  /// Reads a body that fits the contract.
  static MessagesRequest read(JsonNode body, Served served) {
    List<Message> messages = new Reader().read(body);
    List<ToolSpec> tools = tools(body.path("tools"));
    JsonNode choice = body.path("tool_choice");
    boolean readCalls = !choice.path("type").asText("").equals("none");
    int turn = (int) messages.stream().filter(Message.Assistant.class::isInstance).count();
    return new MessagesRequest(
        messages,
        tools,
        forced(choice, tools),
        rendering(body.path("thinking").path("type").asText("")),
        new Reading.Message(
            readCalls ? tools : List.of(),
            turn,
            choice.path("disable_parallel_tool_use").asBoolean(false),
            true),
        SamplingFields.sampling(body, served),
        new Ends(SamplingFields.strings(body.path("stop_sequences")), false, Set.of(), false),
        body.path("max_tokens").asInt(Integer.MAX_VALUE),
        body.path("stream").asBoolean(false));
  }

  private static Optional<List<ToolSpec>> forced(JsonNode choice, List<ToolSpec> tools) {
    return switch (choice.path("type").asText("")) {
      case "any" -> ToolChoice.of(true, "", tools);
      case "tool" -> ToolChoice.of(false, choice.path("name").asText(""), tools);
      default -> Optional.empty();
    };
  }

  private static Rendering rendering(String thinking) {
    Map<String, Json> variables =
        switch (thinking) {
          case "enabled" -> Map.of("enable_thinking", new Json("true"));
          case "disabled" -> Map.of("enable_thinking", new Json("false"));
          default -> Map.of();
        };
    return new Rendering(true, false, variables, Optional.empty());
  }

  private static List<ToolSpec> tools(JsonNode tools) {
    List<ToolSpec> all = new ArrayList<>();
    for (JsonNode tool : tools) {
      String type = tool.path("type").asText("custom");
      if (!type.equals("custom"))
        throw Refused.bad(
            "tools[%d].type asks for %s, but only tools of the client's own are known"
                .formatted(all.size(), type),
            "tools");
      all.add(
          new ToolSpec(
              tool.path("name").asText(),
              tool.path("description").asText(""),
              new Json(Wire.text(tool.path("input_schema")))));
    }
    return all;
  }

  /// Reads the conversation in order, since a tool's result names its call only by id.
  private static final class Reader {
    private final Map<String, String> toolNames = new HashMap<>();
    private final List<Message> all = new ArrayList<>();

    List<Message> read(JsonNode body) {
      JsonNode system = body.path("system");
      if (!system.isMissingNode() && !system.isNull())
        all.add(new Message.System(text(system, "system")));
      int index = 0;
      for (JsonNode message : body.path("messages")) {
        String where = "messages[" + index++ + "].content";
        JsonNode content = message.path("content");
        switch (message.path("role").asText()) {
          case "assistant" -> assistant(content, where);
          case "system" -> all.add(new Message.System(text(content, where)));
          default -> user(content, where);
        }
      }
      return all;
    }

    private void user(JsonNode content, String where) {
      StringBuilder said = new StringBuilder();
      boolean spoke = content.isTextual();
      if (spoke) said.append(content.textValue());
      int index = 0;
      for (JsonNode block : content) {
        String at = where + "[" + index++ + "]";
        switch (block.path("type").asText()) {
          case "tool_result" -> all.add(result(block, at));
          case "text" -> {
            if (spoke) said.append('\n');
            said.append(block.path("text").asText());
            spoke = true;
          }
          default -> throw unknown(block, at);
        }
      }
      if (spoke) all.add(new Message.User(said.toString()));
    }

    private Message.Tool result(JsonNode block, String at) {
      String id = block.path("tool_use_id").asText();
      JsonNode content = block.path("content");
      String text = content.isMissingNode() || content.isNull() ? "" : text(content, at);
      boolean failed = block.path("is_error").asBoolean(false);
      return new Message.Tool(id, toolNames.getOrDefault(id, ""), failed ? "Error: " + text : text);
    }

    private void assistant(JsonNode content, String where) {
      if (content.isTextual()) {
        all.add(new Message.Assistant(content.textValue(), List.of()));
        return;
      }
      List<String> texts = new ArrayList<>();
      List<ToolCall> calls = new ArrayList<>();
      StringBuilder thought = new StringBuilder();
      int index = 0;
      for (JsonNode block : content) {
        String at = where + "[" + index++ + "]";
        switch (block.path("type").asText()) {
          case "text" -> texts.add(block.path("text").asText());
          case "thinking" -> thought.append(block.path("thinking").asText());
          case "redacted_thinking" -> {}
          case "tool_use" -> calls.add(call(block, at));
          default -> throw unknown(block, at);
        }
      }
      all.add(new Message.Assistant(String.join("\n", texts), calls, thought.toString()));
    }

    private ToolCall call(JsonNode block, String at) {
      String id = block.path("id").asText();
      String name = block.path("name").asText();
      if (name.isEmpty()) throw Refused.bad(at + " has no name", at);
      JsonNode input = block.path("input");
      if (!input.isObject()) throw Refused.bad(at + ".input must be an object", at);
      toolNames.put(id, name);
      return new ToolCall(id, name, new Json(Wire.text(input)));
    }

    private static String text(JsonNode content, String where) {
      if (content.isTextual()) return content.textValue();
      List<String> texts = new ArrayList<>();
      for (JsonNode block : content) {
        if (!block.path("type").asText().equals("text"))
          throw unknown(block, where + "[" + texts.size() + "]");
        texts.add(block.path("text").asText());
      }
      return String.join("\n", texts);
    }

    private static Refused unknown(JsonNode block, String at) {
      return Refused.bad(
          "%s has the type %s, but the policy reads text only"
              .formatted(at, block.path("type").asText("(none)")),
          at);
    }
  }
}
