package dev.turnstone.envadapters.mcp;

import dev.turnstone.envadapters.peer.Deadline;
import io.modelcontextprotocol.json.TypeRef;
import io.modelcontextprotocol.spec.McpClientTransport;
import io.modelcontextprotocol.spec.McpSchema.JSONRPCMessage;
import io.modelcontextprotocol.spec.McpSchema.JSONRPCNotification;
import io.modelcontextprotocol.spec.McpSchema.JSONRPCRequest;
import java.util.function.Function;
import java.util.function.Supplier;
import reactor.core.publisher.Mono;

/// A wire as the MCP SDK sees it. Everything runs on the thread that subscribes, so a session has
/// no threads of its own, and a request ends by the deadline in its context, never by the SDK's
/// timer.
final class WireTransport implements McpClientTransport {
  private final McpWire wire;
  private final Deadline opening;
  private final Supplier<Deadline> unasked;

  /// A transport that is connected once, before the deadline `opening`.
  ///
  /// @param unasked until when an answer to a request of the server may take
  WireTransport(McpWire wire, Deadline opening, Supplier<Deadline> unasked) {
    this.wire = wire;
    this.opening = opening;
    this.unasked = unasked;
  }

  @Override
  public Mono<Void> connect(Function<Mono<JSONRPCMessage>, Mono<JSONRPCMessage>> handler) {
    return blocking(() -> wire.start(message -> take(handler, message), opening));
  }

  /// Nobody here reads notifications, and the SDK would log each of them.
  private static void take(
      Function<Mono<JSONRPCMessage>, Mono<JSONRPCMessage>> handler, JSONRPCMessage message) {
    if (!(message instanceof JSONRPCNotification)) handler.apply(Mono.just(message)).subscribe();
  }

  @Override
  public Mono<Void> sendMessage(JSONRPCMessage message) {
    return Mono.deferContextual(context -> {
      Deadline deadline = context.<Deadline>getOrEmpty(Deadline.class).orElseGet(unasked);
      return message instanceof JSONRPCRequest request
          ? blocking(() -> wire.exchange(request, deadline))
          : blocking(() -> wire.send(message, deadline));
    });
  }

  @Override
  public Mono<Void> closeGracefully() {
    return Mono.fromRunnable(wire::close);
  }

  @Override
  public <T> T unmarshalFrom(Object data, TypeRef<T> type) {
    return McpMessages.JSON.convertValue(data, type);
  }

  private static Mono<Void> blocking(Step step) {
    return Mono.defer(() -> {
      try {
        step.run();
        return Mono.empty();
      } catch (McpFailure | InterruptedException e) {
        return Mono.error(e);
      }
    });
  }

  @FunctionalInterface
  private interface Step {
    void run() throws McpFailure, InterruptedException;
  }
}
