package dev.turnstone.server.http;

import dev.turnstone.trainerbridge.log.LogException;
import io.vertx.core.Context;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.core.http.impl.Http1xServerConnection;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.IntConsumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// One request between the event loop that read it and the virtual thread that answers it. A client
/// that goes away interrupts the thread.
public final class Exchange {
  private static final Logger log = LoggerFactory.getLogger(Exchange.class);
  private static final AtomicLong NUMBER = new AtomicLong();

  private final Context loop;
  private final HttpServerRequest request;
  private final HttpServerResponse response;
  private final ErrorShape errors;
  private final Duration patience;

  /// The exchange that `request` begins, whose event loop is `loop`.
  ///
  /// @param errors how errors are written
  /// @param patience for a client that does not read
  Exchange(Context loop, HttpServerRequest request, ErrorShape errors, Duration patience) {
    this.loop = loop;
    this.request = request;
    this.response = request.response();
    this.errors = errors;
    this.patience = patience;
  }

  /// Answers on a new virtual thread. Called on the event loop.
  ///
  /// @param done takes the status, after the last byte was handed to the event loop
  void start(InFlight inFlight, List<Admission> gates, Callable<Reply> endpoint, IntConsumer done) {
    ResponseTarget target = new ResponseTarget(response, patience);
    EventStream events = new EventStream(target);
    Thread thread =
        Thread.ofVirtual()
            .name("http-" + NUMBER.incrementAndGet())
            .unstarted(() -> {
              inFlight.enter();
              try {
                gated(gates, endpoint, events);
              } finally {
                inFlight.leave();
                done.accept(response.getStatusCode());
              }
            });
    response.exceptionHandler(failure -> gone(target, thread));
    response.closeHandler(closed -> gone(target, thread));
    thread.start();
  }

  private void gone(ResponseTarget target, Thread thread) {
    if (response.ended()) return;
    target.markGone();
    thread.interrupt();
  }

  /// Whoever has the whole answer may ask again at once, so the places are left before its last
  /// byte is sent.
  private void gated(
      List<? extends Admission> gates, Callable<Reply> endpoint, EventStream events) {
    Runnable ending;
    int entered = 0;
    try {
      for (; entered < gates.size(); entered++) gates.get(entered).enter();
      ending = run(endpoint, events);
    } catch (Refused e) {
      ending = () -> send(e);
    } finally {
      while (entered > 0) gates.get(--entered).leave();
    }
    ending.run();
  }

  /// Does everything but the last: what it returns ends the answer.
  private Runnable run(Callable<Reply> endpoint, EventStream events) {
    try {
      return write(endpoint.call(), events);
    } catch (InterruptedException | EventStream.Gone e) {
      // The client is gone, or reads no more; what it had asked for has stopped.
      log.debug("client gone: {}", e.getMessage());
      return this::abandon;
    } catch (Refused e) {
      return () -> send(e);
    } catch (LogException e) {
      log.warn("the trajectory log failed a request", e);
      return () -> send(Refused.busy("the trajectory log takes no writes now", "log_unavailable"));
    } catch (CancellationException e) {
      // Work on a text that was still queued when the client went away.
      if (Thread.currentThread().isInterrupted()) return this::abandon;
      Refused broken = broken(e);
      return () -> send(broken);
    } catch (Throwable e) {
      // Errors too, such as a stack that overflows: who waits must hear of them.
      Refused broken = broken(e);
      return () -> send(broken);
    }
  }

  private Runnable write(Reply reply, EventStream events)
      throws InterruptedException, EventStream.Gone {
    return switch (reply) {
      case Reply.Json json -> {
        Reply.Written written = Reply.Written.of(json);
        yield () -> send(written.status(), "application/json", written.body());
      }
      case Reply.Written(int status, Buffer body) -> () -> send(status, "application/json", body);
      case Reply.Text(String type, String body) -> () -> send(200, type, Buffer.buffer(body));
      case Reply.Empty() -> () -> onLoop(() -> response.setStatusCode(204).end());
      case Reply.Events(var body) -> {
        response
            .setChunked(true)
            .putHeader("content-type", "text/event-stream; charset=utf-8")
            .putHeader("cache-control", "no-cache");
        if (!request.method().equals(HttpMethod.HEAD)) body.write(events);
        yield () -> onLoop(response::end);
      }
    };
  }

  private void send(int status, String type, Buffer body) {
    onLoop(() -> {
      if (response.closed() || response.headWritten()) return;
      response.setStatusCode(status).putHeader("content-type", type).end(body);
    });
  }

  /// Does what only the event loop may. A server that was closed meanwhile has no clients left.
  private void onLoop(Runnable act) {
    try {
      loop.runOnContext(v -> act.run());
    } catch (RejectedExecutionException e) {
      log.debug("the server closed before an answer was written");
    }
  }

  /// Ends a response that broke on the way, so that its client cannot take it for whole.
  private void cutOff() {
    onLoop(() -> {
      if (response.ended() || response.closed()) return;
      var _ = response.reset();
    });
  }

  /// Drops a client that is gone or does not read. The usual close first sends what is there, which
  /// such a client can put off for ever, so the channel is closed below Vert.x.
  private void abandon() {
    onLoop(() -> {
      if (response.ended() || response.closed()) return;
      var _ =
          request.connection() instanceof Http1xServerConnection own
              ? own.channelHandlerContext().close()
              : response.reset();
    });
  }

  private void send(Refused refused) {
    onLoop(() -> {
      if (response.headWritten()) cutOff();
      else if (!response.closed()) refuse(response, refused, errors);
    });
  }

  /// Answers with an error from the event loop.
  public static void refuse(HttpServerResponse response, Refused refused, ErrorShape errors) {
    advise(response, refused);
    response
        .setStatusCode(refused.status())
        .putHeader("content-type", "application/json")
        .end(Wire.text(errors.body(refused)));
  }

  private static void advise(HttpServerResponse response, Refused refused) {
    refused.retryAfter().ifPresent(s -> response.putHeader("retry-after", Integer.toString(s)));
    if (refused.status() == 401) response.putHeader("www-authenticate", "Bearer");
  }

  /// A defect of ours: the log says what, the client only that.
  static Refused broken(Throwable failure) {
    String number = Long.toHexString(NUMBER.incrementAndGet());
    log.error("defect {}", number, failure);
    return Refused.broken("the server failed; its log says why under defect " + number);
  }
}
