package dev.turnstone.envadapters.mcp;

import dev.turnstone.envadapters.peer.Deadline;
import io.modelcontextprotocol.spec.McpSchema.JSONRPCMessage;
import io.modelcontextprotocol.spec.McpSchema.JSONRPCRequest;
import java.util.function.Consumer;

/// One session's way to its MCP server. Blocks its callers, of which there may be several.
interface McpWire extends AutoCloseable {
  /// Connects.
  ///
  /// @param inbox takes every request and answer of the server, on any thread
  void start(Consumer<JSONRPCMessage> inbox, Deadline deadline)
      throws McpFailure, InterruptedException;

  /// Sends a request and waits until its answer has gone into the inbox. If that takes too long, or
  /// the caller is interrupted, the server is told to give up.
  void exchange(JSONRPCRequest request, Deadline deadline) throws McpFailure, InterruptedException;

  /// Sends what nobody answers.
  void send(JSONRPCMessage message, Deadline deadline) throws McpFailure, InterruptedException;

  /// Says which version of the protocol was agreed on.
  default void agreed(String protocolVersion) {}

  /// Says that the server knows of that, and may ask questions of its own.
  default void initialized() {}

  /// Ends the session. Takes two seconds at most.
  @Override
  void close();
}
