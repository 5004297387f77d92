package dev.turnstone.envadapters.mcp;

import dev.turnstone.envadapters.peer.Deadline;
import io.modelcontextprotocol.spec.HttpHeaders;
import io.modelcontextprotocol.spec.McpSchema.JSONRPCMessage;
import io.modelcontextprotocol.spec.McpSchema.JSONRPCRequest;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Consumer;
import okhttp3.Request;
import okhttp3.Response;
import okio.BufferedSource;

/// MCP's streamable HTTP. A request is one exchange on its caller's thread; a stream that ends
/// before its answer is gone on with by `Last-Event-ID`, after the pause that the server asked for.
/// A session that the server no longer knows is lost, and never begun anew behind its rollout's
/// back.
///
/// One virtual thread listens for what the server asks beside requests, if it has a stream for
/// that.
final class StreamableHttpWire implements McpWire {
  private static final Duration FAREWELL = Duration.ofSeconds(2);
  private static final Duration SESSION = Duration.ofDays(1);
  private static final Duration USUAL_RETRY = Duration.ofSeconds(1);
  private static final int RESUMES_WITHOUT_PROGRESS = 5;

  private final HttpCalls http;
  private volatile Optional<String> session = Optional.empty();
  private volatile Optional<String> protocol = Optional.empty();
  private volatile Consumer<JSONRPCMessage> inbox = _ -> {};
  private volatile Optional<Thread> listener = Optional.empty();

  StreamableHttpWire(HttpCalls http) {
    this.http = http;
  }

  @Override
  public void start(Consumer<JSONRPCMessage> inbox, Deadline deadline) {
    this.inbox = inbox;
  }

  @Override
  public void agreed(String protocolVersion) {
    protocol = Optional.of(protocolVersion);
  }

  @Override
  public void initialized() {
    if (session.isPresent())
      listener = Optional.of(Thread.ofVirtual().name("mcp-listen").start(this::listen));
  }

  /// Until the session is closed, or the server has no such stream.
  private void listen() {
    try {
      Progress progress = Progress.NONE;
      for (int idle = 0; idle <= RESUMES_WITHOUT_PROGRESS; idle++) {
        Progress before = progress;
        progress =
            http.call(resume(before), http.in(SESSION), response -> listen(response, before));
        if (!progress.lastId().equals(before.lastId())) idle = 0;
        Thread.sleep(progress.retry());
      }
    } catch (McpFailure e) {
      // No such stream, or no longer: requests go on without it.
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private Progress listen(Response response, Progress before)
      throws IOException, McpFailure, InterruptedException {
    check(response);
    if (!HttpCalls.type(response).startsWith("text/event-stream"))
      throw HttpCalls.unexpected(response);
    return events(response, new Object(), before);
  }

  private Request resume(Progress progress) throws McpFailure {
    Request.Builder get =
        withSession(http.request(http.url())).header("Accept", "text/event-stream");
    progress.lastId().ifPresent(id -> get.header(HttpHeaders.LAST_EVENT_ID, id));
    return get.get().build();
  }

  @Override
  public void exchange(JSONRPCRequest request, Deadline deadline)
      throws McpFailure, InterruptedException {
    try {
      answer(request, deadline);
    } catch (McpFailure.TimedOut e) {
      cancel(request, "the call took too long");
      throw e;
    } catch (InterruptedException e) {
      // On a thread of its own: this one is to end.
      Thread.ofVirtual()
          .name("mcp-cancel")
          .start(() -> cancel(request, "the rollout was cancelled"));
      throw e;
    }
  }

  private void answer(JSONRPCRequest request, Deadline deadline)
      throws McpFailure, InterruptedException {
    Request post = withSession(http.post(http.url(), McpMessages.write(request))).build();
    Progress progress =
        http.call(post, deadline, response -> read(response, request, Progress.NONE));
    int idle = 0;
    while (!progress.answered()) {
      if (progress.lastId().isEmpty())
        throw new McpFailure.Lost("ended its answer to %s early".formatted(request.method()));
      if (++idle > RESUMES_WITHOUT_PROGRESS)
        throw new McpFailure.Lost("does not go on with its answer to " + request.method());
      Duration wait = deadline.cap(progress.retry());
      Thread.sleep(wait);
      Progress before = progress;
      progress = http.call(resume(before), deadline, response -> read(response, request, before));
      if (!progress.lastId().equals(before.lastId())) idle = 0;
    }
  }

  /// How far the answer to a request has come.
  private record Progress(boolean answered, Optional<String> lastId, Duration retry) {
    static final Progress NONE = new Progress(false, Optional.empty(), USUAL_RETRY);
  }

  private Progress read(Response response, JSONRPCRequest request, Progress before)
      throws IOException, McpFailure, InterruptedException {
    check(response);
    Optional<String> given = Optional.ofNullable(response.header(HttpHeaders.MCP_SESSION_ID));
    if (session.isEmpty() && given.isPresent()) session = given;
    String type = HttpCalls.type(response);
    if (type.startsWith("text/event-stream")) return events(response, request.id(), before);
    if (!type.startsWith("application/json")) throw HttpCalls.unexpected(response);
    BufferedSource body = response.body().source();
    if (body.request(McpMessages.MAX_BYTES + 1L)) throw new EventReader.TooLong();
    boolean answered = take(body.readString(StandardCharsets.UTF_8), request.id());
    if (!answered)
      throw new McpFailure.Lost("answered another question than %s".formatted(request.method()));
    return new Progress(true, before.lastId(), before.retry());
  }

  private Progress events(Response response, Object id, Progress before)
      throws IOException, McpFailure, InterruptedException {
    EventReader events =
        new EventReader(
            response.body().source(), McpMessages.MAX_BYTES, before.lastId(), before.retry());
    try {
      for (Optional<EventReader.Event> event = events.next();
          event.isPresent();
          event = events.next())
        if (!event.get().data().isEmpty() && take(event.get().data(), id))
          return new Progress(true, events.lastId(), events.retry());
    } catch (EventReader.TooLong e) {
      throw e;
    } catch (IOException e) {
      McpFailure failure = HttpCalls.failure(e, Duration.ZERO);
      boolean cut = failure instanceof McpFailure.Lost && events.lastId().isPresent();
      if (!cut) throw e;
    }
    return new Progress(false, events.lastId(), events.retry());
  }

  private boolean take(String text, Object id) throws McpFailure {
    JSONRPCMessage message =
        McpMessages.read(text)
            .orElseThrow(() -> new McpFailure.Lost("sent what is no JSON-RPC message"));
    inbox.accept(message);
    return McpMessages.answers(message, id);
  }

  @Override
  public void send(JSONRPCMessage message, Deadline deadline)
      throws McpFailure, InterruptedException {
    Request post = withSession(http.post(http.url(), McpMessages.write(message))).build();
    boolean taken =
        http.call(
            post,
            deadline,
            response -> {
              check(response);
              return true;
            });
    if (!taken) throw new IllegalStateException("a message was neither taken nor refused");
  }

  private void check(Response response) throws IOException, McpFailure {
    if (response.isSuccessful()) return;
    if (response.code() == 404 && session.isPresent())
      throw new McpFailure.Lost("has forgotten the session");
    throw HttpCalls.unexpected(response);
  }

  private Request.Builder withSession(Request.Builder request) {
    session.ifPresent(id -> request.header(HttpHeaders.MCP_SESSION_ID, id));
    protocol.ifPresent(version -> request.header(HttpHeaders.PROTOCOL_VERSION, version));
    return request;
  }

  private void cancel(JSONRPCRequest request, String why) {
    farewell(() -> send(McpMessages.cancelled(request.id(), why), http.in(FAREWELL)));
  }

  @Override
  public void close() {
    listener.ifPresent(Thread::interrupt);
    if (session.isEmpty()) return;
    farewell(() ->
        http.call(
            withSession(http.request(http.url())).delete().build(),
            http.in(FAREWELL),
            Response::code));
  }

  /// Tells the server what it may forget. A server that does not listen has a timeout of its own.
  private static void farewell(Farewell words) {
    try {
      words.say();
    } catch (McpFailure e) {
      // It is told as a courtesy: nothing here depends on it.
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @FunctionalInterface
  private interface Farewell {
    void say() throws McpFailure, InterruptedException;
  }
}
