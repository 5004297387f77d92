package dev.turnstone.envadapters.mcp;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.envadapters.EnvironmentSpec;
import dev.turnstone.envadapters.Environments;
import dev.turnstone.envadapters.peer.JsonText;
import dev.turnstone.envadapters.peer.ToolAddressPolicy;
import dev.turnstone.envadapters.tools.CommandJail;
import dev.turnstone.envadapters.tools.TokenCount;
import dev.turnstone.rollout.Environment;
import dev.turnstone.rollout.Json;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.Observation.Result;
import dev.turnstone.rollout.Task;
import dev.turnstone.rollout.ToolCall;
import dev.turnstone.sandbox.jail.ProgramJail;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Environments whose MCP servers run as commands in jails.
final class StdioServers implements AutoCloseable {
  private final ProgramJail jail = ProgramJail.create();
  private final Environments environments;

  StdioServers(Map<String, String> variables) throws IOException {
    CommandJail starts =
        program ->
            jail.start(
                program.command(), program.variables(), program.readOnly(), program.network());
    environments =
        new Environments(
            ToolAddressPolicy.of(List.of("127.0.0.1")),
            name -> Optional.ofNullable(variables.get(name)),
            TokenCount.ESTIMATE,
            starts);
  }

  /// Opens an environment with one MCP entry.
  Environment.Session open(String fields) throws Exception {
    JsonNode body =
        JsonText.read(
            "{\"environment\":\"e\",\"tools\":[{\"kind\":\"mcp\",\"name\":\"m\",%s}]}"
                .formatted(fields.replace('\'', '"')));
    environments.remove("e");
    environments.register(EnvironmentSpec.ofOperator(body));
    Task task = new Task("g", List.of(new Message.User("?")), "e", Json.EMPTY_OBJECT);
    return environments.lookup("e").orElseThrow().open(task, 1, Duration.ofSeconds(60));
  }

  static Result call(Environment.Session session, String tool, String arguments) throws Exception {
    ToolCall call = new ToolCall("c", tool, new Json(arguments.replace('\'', '"')));
    return session.step(List.of(call)).results().getFirst();
  }

  @Override
  public void close() {
    environments.close();
    jail.close();
  }
}
