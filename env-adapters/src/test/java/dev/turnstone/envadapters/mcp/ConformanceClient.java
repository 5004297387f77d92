package dev.turnstone.envadapters.mcp;

import dev.turnstone.envadapters.EnvironmentSpec;
import dev.turnstone.envadapters.Environments;
import dev.turnstone.envadapters.peer.JsonText;
import dev.turnstone.envadapters.peer.ToolAddressPolicy;
import dev.turnstone.envadapters.tools.SampleArguments;
import dev.turnstone.rollout.Environment;
import dev.turnstone.rollout.Json;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.Task;
import dev.turnstone.rollout.ToolCall;
import dev.turnstone.rollout.ToolSpec;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/// What the MCP project's conformance suite starts: opens a session with the server it names last,
/// and calls each of its tools once. `tools/mcp-conformance.sh` runs the suite.
public final class ConformanceClient {
  private ConformanceClient() {}

  public static void main(String[] args) throws Exception {
    String url = args[args.length - 1].replace("localhost", "127.0.0.1");
    String body =
        "{\"environment\":\"e\",\"tools\":[{\"kind\":\"mcp\",\"name\":\"m\",\"url\":\"%s\"}]}"
            .formatted(url);
    Task task = new Task("g", List.of(new Message.User("?")), "e", Json.EMPTY_OBJECT);
    try (Environments environments =
        new Environments(
            ToolAddressPolicy.of(List.of("127.0.0.1", "::1")), _ -> Optional.empty())) {
      environments.register(EnvironmentSpec.parse(body));
      Environment environment = environments.lookup("e").orElseThrow();
      try (Environment.Session session = environment.open(task, 1, Duration.ofSeconds(60))) {
        for (ToolSpec tool : session.tools()) {
          Json arguments =
              new Json(SampleArguments.of(JsonText.readOwn(tool.parameters())).toString());
          System.out.println(session.step(List.of(new ToolCall("c", tool.name(), arguments))));
        }
      }
    }
  }
}
