package dev.turnstone.envadapters.mcp;

import dev.turnstone.envadapters.peer.Deadline;
import dev.turnstone.envadapters.peer.HeaderValue;
import dev.turnstone.envadapters.peer.InvalidEnvironment;
import dev.turnstone.envadapters.peer.RequestHeaders;
import dev.turnstone.envadapters.tools.CommandJail;
import dev.turnstone.envadapters.tools.Host;
import dev.turnstone.envadapters.tools.OpenTools;
import dev.turnstone.envadapters.tools.Throttle;
import dev.turnstone.envadapters.tools.Tool;
import dev.turnstone.envadapters.tools.ToolEntry;
import dev.turnstone.envadapters.tools.ToolEntry.McpPlace;
import dev.turnstone.envadapters.tools.ToolSource;
import dev.turnstone.rollout.Environment.EnvironmentLost;
import io.modelcontextprotocol.spec.McpError;
import io.modelcontextprotocol.spec.McpSchema;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import okhttp3.HttpUrl;

/// The tools of an MCP server, with one MCP session per rollout.
public final class McpSource implements ToolSource {
  private static final int ATTEMPTS = 4;
  private static final Duration HANDSHAKE = Duration.ofSeconds(60);

  private final ToolEntry.Mcp entry;
  private final Host host;
  private final Throttle throttle;

  public McpSource(ToolEntry.Mcp entry, Host host) {
    this.entry = entry;
    this.host = host;
    this.throttle = host.throttle(entry.rules());
  }

  @Override
  public OpenTools open(Opening opening) throws EnvironmentLost, InterruptedException {
    Deadline deadline = Deadline.in(opening.deadline().cap(HANDSHAKE), host.peers().nanoTime());
    RequestHeaders secrets = secrets();
    for (int attempt = 1; ; attempt++) {
      try {
        return open(deadline, secrets);
      } catch (McpFailure.Lost e) {
        Duration wait =
            Duration.ofMillis(ThreadLocalRandom.current().nextLong(500, 1000) << attempt);
        if (!e.passing() || attempt == ATTEMPTS || wait.compareTo(deadline.remaining()) >= 0)
          throw lost(String.valueOf(e.getMessage()), secrets);
        host.peers().pause().of(wait);
      } catch (McpFailure e) {
        throw lost(String.valueOf(e.getMessage()), secrets);
      } catch (McpError e) {
        throw lost("answered an error: " + e.getMessage(), secrets);
      }
    }
  }

  private OpenTools open(Deadline deadline, RequestHeaders secrets)
      throws McpFailure, EnvironmentLost, InterruptedException {
    McpConnection connection = McpConnection.open(wire(), deadline);
    boolean open = false;
    try {
      List<Tool> tools = tools(connection, deadline, secrets);
      open = true;
      return new Opened(connection, tools);
    } finally {
      if (!open) connection.close();
    }
  }

  private List<Tool> tools(McpConnection connection, Deadline deadline, RequestHeaders secrets)
      throws McpFailure, EnvironmentLost, InterruptedException {
    List<Tool> tools = new ArrayList<>();
    List<String> missing = new ArrayList<>(entry.chosen().names());
    for (McpSchema.Tool tool : connection.tools(deadline)) {
      missing.remove(tool.name());
      if (!entry.chosen().takes(tool.name())) continue;
      try {
        tools.add(new McpTool(this, entry, tool, connection, throttle, secrets, host));
      } catch (InvalidEnvironment e) {
        throw lost("has a tool %s whose %s".formatted(tool.name(), e.getMessage()), secrets);
      }
    }
    if (!missing.isEmpty()) throw lost("has no tool " + String.join(", ", missing), secrets);
    return tools;
  }

  /// The sentence for a server that broke.
  EnvironmentLost lost(String what, RequestHeaders secrets) {
    return new EnvironmentLost(secrets.blackOut(name() + " " + what));
  }

  private String name() {
    return switch (entry.server()) {
      case McpPlace.Remote remote ->
          HttpUrl.get(remote.endpoint().url()).newBuilder().query(null).build().toString();
      case McpPlace.Command command -> "the command of " + entry.name();
    };
  }

  private McpWire wire() throws EnvironmentLost {
    return switch (entry.server()) {
      case McpPlace.Remote(var endpoint, McpPlace.Wire wire) -> {
        HttpCalls http = new HttpCalls(host.peers(), endpoint);
        yield switch (wire) {
          case HTTP -> new StreamableHttpWire(http);
          case SSE -> new SseWire(http, host.peers().client());
        };
      }
      case McpPlace.Command command -> new StdioWire(host.jail(), program(command));
    };
  }

  private CommandJail.Program program(McpPlace.Command command) throws EnvironmentLost {
    Map<String, String> variables = new LinkedHashMap<>();
    RequestHeaders filled = secrets();
    command.variables().keySet().forEach(name -> variables.put(name, filled.value(name)));
    return new CommandJail.Program(
        command.command(), variables, command.readOnly(), command.network());
  }

  private RequestHeaders secrets() throws EnvironmentLost {
    Map<String, HeaderValue> values =
        switch (entry.server()) {
          case McpPlace.Remote remote -> remote.endpoint().headers();
          case McpPlace.Command command -> command.variables();
        };
    try {
      return host.peers().resolve(values);
    } catch (RequestHeaders.Unresolved e) {
      throw new EnvironmentLost(name() + " " + e.why());
    }
  }

  private record Opened(McpConnection connection, List<Tool> tools) implements OpenTools {
    @Override
    public void close() {
      connection.close();
    }
  }
}
