package dev.turnstone.envadapters.mcp;

import dev.turnstone.envadapters.peer.CheckedSockets;
import dev.turnstone.envadapters.peer.Deadline;
import dev.turnstone.envadapters.peer.Endpoint;
import dev.turnstone.envadapters.peer.JsonBody;
import dev.turnstone.envadapters.peer.Peer;
import dev.turnstone.envadapters.peer.Peers;
import dev.turnstone.envadapters.peer.RequestHeaders;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import okhttp3.Call;
import okhttp3.HttpUrl;
import okhttp3.Request;
import okhttp3.Response;
import okio.BufferedSource;

/// HTTP to one MCP server: every failure as an [McpFailure], every call with a real deadline.
final class HttpCalls {
  private static final int SHOWN_BYTES = 300;

  private final Peers peers;
  private final Endpoint endpoint;
  private final HttpUrl url;

  HttpCalls(Peers peers, Endpoint endpoint) {
    this.peers = peers;
    this.endpoint = endpoint;
    this.url = HttpUrl.get(endpoint.url());
  }

  HttpUrl url() {
    return url;
  }

  Deadline in(Duration time) {
    return Deadline.in(time, peers.nanoTime());
  }

  /// A request with the registered headers.
  Request.Builder request(HttpUrl target) throws McpFailure {
    try {
      return new Request.Builder().url(target).headers(peers.resolve(endpoint.headers()).headers());
    } catch (RequestHeaders.Unresolved e) {
      throw new McpFailure.Lost(e.why());
    }
  }

  Request.Builder post(HttpUrl target, String json) throws McpFailure {
    return request(target)
        .header("Accept", "application/json, text/event-stream")
        .post(new JsonBody(json));
  }

  /// Sends a request and gives its response, of whatever status, to `reader`.
  <T> T call(Request request, Deadline deadline, Reader<T> reader)
      throws McpFailure, InterruptedException {
    Duration limit = deadline.remaining();
    if (!limit.isPositive()) throw new McpFailure.TimedOut(Duration.ZERO);
    Call call = peers.client().newCall(request);
    call.timeout().timeout(limit.toNanos(), TimeUnit.NANOSECONDS);
    try (Response response = call.execute()) {
      return reader.read(response);
    } catch (IOException e) {
      throw failure(e, limit);
    }
  }

  /// What an exception of a call means.
  static McpFailure failure(IOException e, Duration limit) throws InterruptedException {
    if (Thread.interrupted()) throw interrupted(e);
    return switch (e) {
      case SocketTimeoutException _ ->
          new McpFailure.Lost("did not accept a connection in time", true);
      case InterruptedIOException _ -> new McpFailure.TimedOut(limit);
      case CheckedSockets.Refused refused ->
          new McpFailure.Lost("is not reachable: " + refused.why());
      case UnknownHostException _ -> new McpFailure.Lost("has a name that does not resolve", true);
      case EventReader.TooLong _ ->
          new McpFailure.Lost("sent more than %d MiB".formatted(McpMessages.MAX_BYTES >> 20));
      default -> new McpFailure.Lost("broke off: " + e.getMessage(), true);
    };
  }

  /// Empty if the response does not say.
  static String type(Response response) {
    String type = response.header("Content-Type");
    return type == null ? "" : type;
  }

  /// A response that is neither a message nor a stream of them.
  static McpFailure unexpected(Response response) throws IOException {
    BufferedSource source = response.body().source();
    source.request(SHOWN_BYTES);
    String start =
        source
            .readString(Math.min(SHOWN_BYTES, source.getBuffer().size()), StandardCharsets.UTF_8)
            .strip()
            .replaceAll("\\s+", " ");
    String type = type(response).isEmpty() ? "something" : type(response);
    return response.isSuccessful()
        ? new McpFailure.Lost("answered %s instead of JSON: %s".formatted(type, start))
        : new McpFailure.Lost(
            "answered %d: %s".formatted(response.code(), start), Peer.passing(response.code()));
  }

  private static InterruptedException interrupted(IOException cause) {
    InterruptedException e = new InterruptedException("interrupted while waiting for a server");
    e.initCause(cause);
    return e;
  }

  @FunctionalInterface
  interface Reader<T> {
    T read(Response response) throws IOException, McpFailure, InterruptedException;
  }
}
