package dev.turnstone.envadapters.mcp;

import dev.turnstone.envadapters.peer.Deadline;
import io.modelcontextprotocol.spec.McpSchema.JSONRPCMessage;
import io.modelcontextprotocol.spec.McpSchema.JSONRPCRequest;
import io.modelcontextprotocol.spec.McpSchema.JSONRPCResponse;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import okhttp3.Call;
import okhttp3.HttpUrl;
import okhttp3.Request;
import okhttp3.Response;

/// MCP's HTTP with server-sent events of 2024-11-05: one stream for all answers, read by a virtual
/// thread, and posts to the address that it names first.
final class SseWire implements McpWire {
  private final HttpCalls http;
  private final okhttp3.OkHttpClient client;
  private final Awaited awaited = new Awaited();
  private final CompletableFuture<HttpUrl> target = new CompletableFuture<>();
  private volatile Optional<Call> stream = Optional.empty();

  SseWire(HttpCalls http, okhttp3.OkHttpClient client) {
    this.http = http;
    this.client = client;
  }

  @Override
  public void start(Consumer<JSONRPCMessage> inbox, Deadline deadline)
      throws McpFailure, InterruptedException {
    Request get = http.request(http.url()).header("Accept", "text/event-stream").get().build();
    Call call = client.newCall(get);
    stream = Optional.of(call);
    Thread.ofVirtual().name("mcp-sse").start(() -> listen(call, inbox));
    try {
      HttpUrl posts = target.get(deadline.remaining().toNanos(), TimeUnit.NANOSECONDS);
      if (!posts.host().equals(http.url().host()) || posts.port() != http.url().port())
        throw new McpFailure.Lost("names another host to post to");
    } catch (TimeoutException e) {
      throw new McpFailure.TimedOut(deadline.remaining());
    } catch (ExecutionException e) {
      awaited.check();
      throw new McpFailure.Lost("named no address to post to");
    }
  }

  private void listen(Call call, Consumer<JSONRPCMessage> inbox) {
    try (Response response = call.execute()) {
      if (!response.isSuccessful() || !HttpCalls.type(response).startsWith("text/event-stream"))
        throw HttpCalls.unexpected(response);
      EventReader events =
          new EventReader(
              response.body().source(), McpMessages.MAX_BYTES, Optional.empty(), Duration.ZERO);
      for (Optional<EventReader.Event> event = events.next();
          event.isPresent();
          event = events.next()) take(event.get(), inbox);
      awaited.lost("ended its stream");
    } catch (IOException e) {
      awaited.lost(
          e instanceof EventReader.TooLong
              ? "sent more than %d MiB".formatted(McpMessages.MAX_BYTES >> 20)
              : "broke off its stream: " + e.getMessage());
    } catch (McpFailure e) {
      awaited.lost(String.valueOf(e.getMessage()));
    } finally {
      target.completeExceptionally(new IOException("the stream has ended"));
    }
  }

  private void take(EventReader.Event event, Consumer<JSONRPCMessage> inbox) throws McpFailure {
    if (event.name().equals("endpoint")) {
      HttpUrl posts = http.url().resolve(event.data());
      if (posts == null) throw new McpFailure.Lost("named no address to post to");
      target.complete(posts);
      return;
    }
    if (event.data().isEmpty()) return;
    JSONRPCMessage message =
        McpMessages.read(event.data())
            .orElseThrow(() -> new McpFailure.Lost("sent what is no JSON-RPC message"));
    // A request of the server is answered over HTTP, which must not hold up the stream.
    if (message instanceof JSONRPCRequest)
      Thread.ofVirtual().name("mcp-reply").start(() -> inbox.accept(message));
    else inbox.accept(message);
    if (message instanceof JSONRPCResponse response && response.id() != null)
      awaited.arrived(response.id());
  }

  @Override
  public void exchange(JSONRPCRequest request, Deadline deadline)
      throws McpFailure, InterruptedException {
    try {
      awaited.answer(request.id(), () -> send(request, deadline), deadline);
    } catch (McpFailure.TimedOut | InterruptedException e) {
      Thread.ofVirtual().name("mcp-cancel").start(() -> cancel(request));
      throw e;
    }
  }

  private void cancel(JSONRPCRequest request) {
    try {
      send(
          McpMessages.cancelled(request.id(), "nobody waits for it any more"),
          http.in(Duration.ofSeconds(2)));
    } catch (McpFailure e) {
      // A courtesy: nothing here depends on it.
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void send(JSONRPCMessage message, Deadline deadline)
      throws McpFailure, InterruptedException {
    awaited.check();
    HttpUrl posts = target.getNow(http.url());
    int status =
        http.call(
            http.post(posts, McpMessages.write(message)).build(),
            deadline,
            response -> {
              if (!response.isSuccessful()) throw HttpCalls.unexpected(response);
              return response.code();
            });
    if (status >= 300) throw new IllegalStateException("status " + status + " went unnoticed");
  }

  @Override
  public void close() {
    awaited.lost("was closed");
    stream.ifPresent(Call::cancel);
  }
}
