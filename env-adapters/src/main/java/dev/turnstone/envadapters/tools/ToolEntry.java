package dev.turnstone.envadapters.tools;

import dev.turnstone.envadapters.peer.Endpoint;
import dev.turnstone.envadapters.peer.HeaderValue;
import dev.turnstone.rollout.Json;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/// An entry of an environment's `tools` as it is registered.
public sealed interface ToolEntry {
  /// Of the tool, or of the source of several tools.
  String name();

  /// The word in the field `kind`.
  String kind();

  CallRules rules();

  /// Where it answers; empty for a command.
  Optional<Endpoint> place();

  /// Runs code in a sandbox service that speaks SandboxFusion's `POST {url}/run_code`.
  ///
  /// @param language as the service names it
  /// @param argument name of the tool's one argument, the code
  /// @param memoryLimitMb of one program
  /// @param network the hosts that programs may reach; the sandbox refuses what its operator did
  ///   not name
  record Sandbox(
      String name,
      String description,
      Endpoint endpoint,
      CallRules rules,
      String language,
      String argument,
      int memoryLimitMb,
      List<String> network)
      implements ToolEntry {
    @Override
    public String kind() {
      return "sandbox";
    }

    @Override
    public Optional<Endpoint> place() {
      return Optional.of(endpoint);
    }
  }

  /// Sends the arguments and shows the answer.
  ///
  /// @param parameters JSON Schema of the arguments object
  record Http(
      String name,
      String description,
      Endpoint endpoint,
      CallRules rules,
      Method method,
      Json parameters,
      OnTimeout onTimeout)
      implements ToolEntry {
    @Override
    public String kind() {
      return "http";
    }

    @Override
    public Optional<Endpoint> place() {
      return Optional.of(endpoint);
    }
  }

  /// The operations of an OpenAPI document.
  ///
  /// @param document the document itself, or where it is
  /// @param chosen operation ids; empty takes all
  record OpenApi(
      String name,
      Endpoint endpoint,
      CallRules rules,
      Document document,
      Chosen chosen,
      OnTimeout onTimeout)
      implements ToolEntry {
    @Override
    public String kind() {
      return "openapi";
    }

    @Override
    public Optional<Endpoint> place() {
      return Optional.of(endpoint);
    }
  }

  /// The tools of an MCP server.
  ///
  /// @param timeout of one call
  record Mcp(
      String name,
      McpPlace server,
      Duration timeout,
      CallRules rules,
      Chosen chosen,
      OnTimeout onTimeout)
      implements ToolEntry {
    @Override
    public String kind() {
      return "mcp";
    }

    @Override
    public Optional<Endpoint> place() {
      return server instanceof McpPlace.Remote remote
          ? Optional.of(remote.endpoint())
          : Optional.empty();
    }
  }

  /// An OpenEnv server: one WebSocket an episode.
  ///
  /// @param tool name of the tool whose arguments are an action, where the server has no tools
  record OpenEnv(String name, Endpoint endpoint, CallRules rules, String tool, OnTimeout onTimeout)
      implements ToolEntry {
    @Override
    public String kind() {
      return "openenv";
    }

    @Override
    public Optional<Endpoint> place() {
      return Optional.of(endpoint);
    }
  }

  /// A NeMo Gym resource server. The task's data is the dataset's row.
  record NemoGym(String name, Endpoint endpoint, CallRules rules, Style style, OnTimeout onTimeout)
      implements ToolEntry {
    @Override
    public String kind() {
      return "nemo_gym";
    }

    @Override
    public Optional<Endpoint> place() {
      return Optional.of(endpoint);
    }
  }

  /// Where an MCP server is.
  sealed interface McpPlace {
    record Remote(Endpoint endpoint, Wire wire) implements McpPlace {}

    /// A program of the operator's, started for each rollout.
    record Command(
        List<String> command,
        Map<String, HeaderValue> variables,
        List<Path> readOnly,
        boolean network)
        implements McpPlace {}

    enum Wire {
      /// Streamable HTTP.
      HTTP,
      /// The transport of 2024-11-05.
      SSE;

      public String wire() {
        return name().toLowerCase(Locale.ROOT);
      }
    }
  }

  /// Which of a source's tools are offered, and under which names.
  ///
  /// @param names in the source; empty takes all
  /// @param prefix put before each name
  record Chosen(List<String> names, String prefix) {
    public boolean takes(String name) {
      return names.isEmpty() || names.contains(name);
    }
  }

  /// An OpenAPI document.
  sealed interface Document {
    record Inline(Json json) implements Document {}

    record At(String url) implements Document {}
  }

  /// How a NeMo Gym server is driven.
  enum Style {
    /// `/seed_session`, a route per tool, `/verify`.
    TOOLS,
    /// `/reset` and `/step`.
    GYMNASIUM;

    public String wire() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /// GET and DELETE carry the arguments in the query, the others as a JSON body.
  enum Method {
    POST,
    PUT,
    PATCH,
    GET,
    DELETE
  }

  /// What it means that a tool did not answer within its own timeout.
  enum OnTimeout {
    /// The environment is broken.
    ENVIRONMENT_LOST,
    /// The policy asked for too much; it sees so.
    TOOL_ERROR;

    public String wire() {
      return name().toLowerCase(Locale.ROOT);
    }
  }
}
