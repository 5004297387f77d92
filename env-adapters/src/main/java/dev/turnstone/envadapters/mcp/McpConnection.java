package dev.turnstone.envadapters.mcp;

import dev.turnstone.envadapters.peer.Deadline;
import io.modelcontextprotocol.json.TypeRef;
import io.modelcontextprotocol.spec.McpClientSession;
import io.modelcontextprotocol.spec.McpError;
import io.modelcontextprotocol.spec.McpSchema;
import io.modelcontextprotocol.spec.McpSchema.CallToolRequest;
import io.modelcontextprotocol.spec.McpSchema.CallToolResult;
import io.modelcontextprotocol.spec.McpSchema.ClientCapabilities;
import io.modelcontextprotocol.spec.McpSchema.Implementation;
import io.modelcontextprotocol.spec.McpSchema.InitializeRequest;
import io.modelcontextprotocol.spec.McpSchema.InitializeResult;
import io.modelcontextprotocol.spec.McpSchema.ListToolsResult;
import io.modelcontextprotocol.spec.McpSchema.PaginatedRequest;
import io.modelcontextprotocol.spec.ProtocolVersions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Mono;

/// One rollout's session with an MCP server, through the MCP SDK's client session over a wire of
/// ours. It is initialised once: a server that forgets it has lost the environment.
///
/// Source: Model Context Protocol, revision 2025-11-25, and those before it.
final class McpConnection implements AutoCloseable {
  private static final int MAX_TOOLS = 512;
  private static final int MAX_PAGES = 64;
  private static final Duration UNASKED = Duration.ofSeconds(10);

  /// The SDK's own timer must never be the one that ends a request.
  private static final Duration NEVER = Duration.ofDays(2);

  private static final List<String> VERSIONS =
      List.of(
          ProtocolVersions.MCP_2025_11_25,
          ProtocolVersions.MCP_2025_06_18,
          ProtocolVersions.MCP_2025_03_26,
          ProtocolVersions.MCP_2024_11_05);

  private final McpWire wire;
  private final McpClientSession session;

  private McpConnection(McpWire wire, McpClientSession session) {
    this.wire = wire;
    this.session = session;
  }

  /// Connects and shakes hands. Closes the wire if that fails.
  static McpConnection open(McpWire wire, Deadline deadline)
      throws McpFailure, InterruptedException {
    boolean open = false;
    try {
      McpConnection connection = new McpConnection(wire, session(wire, deadline));
      connection.initialize(deadline);
      open = true;
      return connection;
    } finally {
      if (!open) wire.close();
    }
  }

  private static McpClientSession session(McpWire wire, Deadline deadline)
      throws McpFailure, InterruptedException {
    WireTransport transport =
        new WireTransport(wire, deadline, () -> Deadline.in(UNASKED, deadline.nanoTime()));
    List<Throwable> failures = new ArrayList<>();
    McpClientSession session =
        new McpClientSession(
            NEVER,
            transport,
            Map.of(
                McpSchema.METHOD_PING,
                _ -> Mono.just(Map.of()),
                McpSchema.METHOD_ELICITATION_CREATE,
                params -> Mono.just(FormDefaults.answer(params))),
            Map.of(),
            connected -> connected.doOnError(failures::add).onErrorComplete());
    if (!failures.isEmpty()) throw failure(failures.getFirst());
    return session;
  }

  private void initialize(Deadline deadline) throws McpFailure, InterruptedException {
    ClientCapabilities capabilities = ClientCapabilities.builder().elicitation(true, false).build();
    InitializeResult result =
        request(
            McpSchema.METHOD_INITIALIZE,
            InitializeRequest.builder(
                    VERSIONS.getFirst(),
                    capabilities,
                    Implementation.builder("turnstone", "0.1.0").build())
                .build(),
            new TypeRef<>() {},
            deadline);
    if (!VERSIONS.contains(result.protocolVersion()))
      throw new McpFailure.Lost("speaks only the protocol version " + result.protocolVersion());
    wire.agreed(result.protocolVersion());
    await(session.sendNotification(McpSchema.METHOD_NOTIFICATION_INITIALIZED, null), deadline);
    wire.initialized();
  }

  List<McpSchema.Tool> tools(Deadline deadline) throws McpFailure, InterruptedException {
    List<McpSchema.Tool> tools = new ArrayList<>();
    Optional<String> cursor = Optional.empty();
    for (int page = 0; page < MAX_PAGES; page++) {
      ListToolsResult result =
          request(
              McpSchema.METHOD_TOOLS_LIST,
              cursor.map(PaginatedRequest::new).orElseGet(PaginatedRequest::new),
              new TypeRef<>() {},
              deadline);
      tools.addAll(result.tools());
      cursor = Optional.ofNullable(result.nextCursor()).filter(next -> !next.isEmpty());
      if (cursor.isEmpty()) return tools;
      if (tools.size() > MAX_TOOLS) break;
    }
    throw new McpFailure.Lost("lists more than %d tools".formatted(MAX_TOOLS));
  }

  CallToolResult call(String tool, Map<String, Object> arguments, Deadline deadline)
      throws McpFailure, InterruptedException {
    return request(
        McpSchema.METHOD_TOOLS_CALL,
        CallToolRequest.builder(tool).arguments(arguments).build(),
        new TypeRef<>() {},
        deadline);
  }

  /// One request and its result.
  ///
  /// @throws McpError if the server answers with an error
  private <T> T request(String method, Object params, TypeRef<T> type, Deadline deadline)
      throws McpFailure, InterruptedException {
    T result = await(session.sendRequest(method, params, type), deadline);
    if (result == null) throw new McpFailure.Lost("answered %s with nothing".formatted(method));
    return result;
  }

  private static <T> @Nullable T await(Mono<T> answer, Deadline deadline)
      throws McpFailure, InterruptedException {
    try {
      return answer.contextWrite(context -> context.put(Deadline.class, deadline)).toFuture().get();
    } catch (ExecutionException e) {
      throw failure(e.getCause());
    }
  }

  /// What went wrong as ours; a server's own error is thrown as it is.
  private static McpFailure failure(@Nullable Throwable cause) throws InterruptedException {
    return switch (cause) {
      case McpFailure ours -> ours;
      case InterruptedException interrupted -> throw interrupted;
      case McpError answered -> throw answered;
      case null -> new McpFailure.Lost("failed for no reason given");
      case Throwable other ->
          new McpFailure.Lost("answered what MCP does not: " + firstLine(other));
    };
  }

  private static String firstLine(Throwable failure) {
    return String.valueOf(failure.getMessage()).lines().findFirst().orElse("");
  }

  @Override
  public void close() {
    wire.close();
  }
}
