package dev.turnstone.server.openai;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.rollout.ToolSpec;
import dev.turnstone.server.http.Refused;
import java.util.List;
import java.util.Optional;

/// Which tools a client wants called.
public final class ToolChoice {
  private ToolChoice() {}

  /// The tools of which at least one must be called, if OpenAI's `tool_choice` forces a call. Chat
  /// nests a tool's name under `function`, responses do not.
  ///
  /// @throws Refused if a tool is named that is not there
  public static Optional<List<ToolSpec>> of(JsonNode choice, List<ToolSpec> tools) {
    boolean any = choice.asText("").equals("required");
    if (!any && !choice.isObject()) return Optional.empty();
    JsonNode named = choice.has("function") ? choice.get("function") : choice;
    return of(any, named.path("name").asText(""), tools);
  }

  /// The same for other wires.
  ///
  /// @param any whether any tool will do; else the one of that name
  public static Optional<List<ToolSpec>> of(boolean any, String name, List<ToolSpec> tools) {
    List<ToolSpec> called = tools.stream().filter(tool -> any || tool.name().equals(name)).toList();
    if (called.isEmpty())
      throw Refused.bad(
          any
              ? "tool_choice required needs tools"
              : "tool_choice names the tool %s, which is not among the tools".formatted(name),
          "tool_choice");
    return Optional.of(called);
  }
}
