package dev.turnstone.sandbox;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.sandbox.Session.Gone;
import dev.turnstone.sandbox.Session.NoFile;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/// A session's calls as MCP tools: what a model is told of them, and what it reads back.
final class McpTools {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String TOOLS =
      """
      [{"name": "bash", "description": "Runs a command in a bash that keeps its folder and variables.",
        "inputSchema": {"type": "object", "properties": {
          "command": {"type": "string"},
          "timeout_s": {"type": "number", "exclusiveMinimum": 0, "maximum": 3600, "default": 30}},
          "required": ["command"]}},
       {"name": "python", "description": "Runs Python code in a process that keeps its variables; shows what it prints and the value of its last expression.",
        "inputSchema": {"type": "object", "properties": {
          "code": {"type": "string"},
          "timeout_s": {"type": "number", "exclusiveMinimum": 0, "maximum": 3600, "default": 30}},
          "required": ["code"]}},
       {"name": "read_file", "description": "Reads a text file. Paths start at /workspace.",
        "inputSchema": {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}},
       {"name": "write_file", "description": "Writes a text file and the folders above it. Paths start at /workspace.",
        "inputSchema": {"type": "object", "properties": {
          "path": {"type": "string"}, "content": {"type": "string"}}, "required": ["path", "content"]}},
       {"name": "list_files", "description": "Lists a folder. Paths start at /workspace.",
        "inputSchema": {"type": "object", "properties": {"path": {"type": "string", "default": "."}}}}]
      """;

  private McpTools() {}

  static ArrayNode list() {
    try {
      return (ArrayNode) JSON.readTree(TOOLS);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("the tools are no JSON", e);
    }
  }

  static boolean has(String name) {
    for (JsonNode tool : list()) if (tool.get("name").asText().equals(name)) return true;
    return false;
  }

  /// The result of a tool: `{"content":[{"type":"text","text"}],"isError"}`.
  ///
  /// @throws BadRequest the arguments are not those that the tool takes
  static ObjectNode call(Session session, String name, JsonNode arguments)
      throws BadRequest, SandboxBusy, Gone, InterruptedException {
    SessionReader reader = SessionReader.of(arguments);
    try {
      return switch (name) {
        case "bash" -> bash(session, reader);
        case "python" -> python(session, reader);
        case "read_file" -> {
          byte[] content = session.read(checked(reader, reader.text("path")));
          yield result(new String(content, StandardCharsets.UTF_8), false);
        }
        case "write_file" -> {
          String path = reader.text("path");
          String content = checked(reader, reader.text("content"));
          session.write(path, content.getBytes(StandardCharsets.UTF_8));
          yield result("Wrote " + path, false);
        }
        default -> folder(session, checked(reader, reader.text("path", ".")));
      };
    } catch (NoFile e) {
      return result("Error: " + e.getMessage(), true);
    }
  }

  private static String checked(SessionReader reader, String value) throws BadRequest {
    reader.check();
    return value;
  }

  private static ObjectNode bash(Session session, SessionReader reader)
      throws BadRequest, SandboxBusy, Gone, NoFile, InterruptedException {
    Duration timeout = reader.timeout("timeout_s");
    String command = checked(reader, reader.text("command"));
    Session.ShellResult result = session.shell("mcp", command, timeout, true);
    List<String> notes = new ArrayList<>();
    if (result.timedOut()) notes.add("[stopped after %s s]".formatted(seconds(timeout)));
    else if (result.code().orElse(0) != 0)
      notes.add("[exit code %d]".formatted(result.code().get()));
    if (result.ended()) notes.add("[the shell ended; the next command gets a new one]");
    return result(joined(result.output(), notes), !notes.isEmpty());
  }

  private static ObjectNode python(Session session, SessionReader reader)
      throws BadRequest, SandboxBusy, Gone, InterruptedException {
    Duration timeout = reader.timeout("timeout_s");
    JsonNode cell = session.cell(checked(reader, reader.text("code")), timeout);
    StringBuilder output = new StringBuilder(cell.get("stdout").asText());
    output.append(cell.get("stderr").asText());
    for (JsonNode shown : cell.get("display"))
      output.append(shown.path("text/plain").asText()).append('\n');
    for (JsonNode error : cell.get("error"))
      for (JsonNode line : error.path("traceback")) output.append(line.asText());
    List<String> notes = new ArrayList<>();
    if (cell.get("status").asText().equals("TimeLimitExceeded"))
      notes.add("[stopped after %s s]".formatted(seconds(timeout)));
    if (cell.get("restarted").asBoolean())
      notes.add("[the Python process ended; its variables are gone]");
    return result(
        joined(output.toString(), notes), !cell.get("status").asText().equals("Finished"));
  }

  private static ObjectNode folder(Session session, String path)
      throws SandboxBusy, Gone, NoFile, InterruptedException {
    StringBuilder text = new StringBuilder();
    for (JsonNode entry : session.list(path)) {
      text.append(entry.get("name").asText());
      boolean folder = entry.get("type").asText().equals("folder");
      text.append(folder ? "/\n" : "\t%d\n".formatted(entry.get("size").asLong()));
    }
    return result(text.isEmpty() ? "(empty)" : text.toString(), false);
  }

  private static String seconds(Duration timeout) {
    return Double.toString(timeout.toMillis() / 1e3);
  }

  private static String joined(String output, List<String> notes) {
    if (notes.isEmpty()) return output.isEmpty() ? "(no output)" : output;
    String gap = output.isEmpty() || output.endsWith("\n") ? "" : "\n";
    return output + gap + String.join("\n", notes);
  }

  private static ObjectNode result(String text, boolean error) {
    ObjectNode result = JsonNodeFactory.instance.objectNode();
    result.putArray("content").addObject().put("type", "text").put("text", text);
    return result.put("isError", error);
  }
}
