package dev.turnstone.sandbox;

import dev.turnstone.sandbox.RequestReader.LanguageMissing;
import dev.turnstone.sandbox.Session.Gone;
import dev.turnstone.sandbox.Session.NoFile;
import dev.turnstone.sandbox.jail.Limits;
import io.vertx.core.Context;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import io.vertx.ext.web.handler.BodyHandler;
import java.nio.file.Path;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Puts blocking endpoints under HTTP paths: each request gets a virtual thread, which is
/// interrupted when its client goes away, and every failure the status that its kind has
/// everywhere.
final class Endpoints {
  /// Answers a request. Blocks.
  interface Endpoint {
    Reply answer(Call call)
        throws BadRequest,
            LanguageMissing,
            SandboxBusy,
            Gone,
            NoFile,
            Sessions.Unknown,
            Sessions.Full,
            Unsafe,
            InterruptedException;
  }

  /// Answers piece by piece.
  interface Streamed {
    void answer(Call call, Consumer<byte[]> pieces)
        throws SandboxBusy, Gone, NoFile, Sessions.Unknown, Unsafe, InterruptedException;
  }

  /// The last self-test failed: nothing runs.
  static final class Unsafe extends Exception {
    private static final long serialVersionUID = 1;

    Unsafe(String message) {
      super(message);
    }
  }

  private static final Logger LOG = LoggerFactory.getLogger(Endpoints.class);
  private static final long WRITE_SECONDS = 60;

  private final Vertx vertx;
  private final Router router;
  private final BodyHandler bodies = BodyHandler.create(false).setBodyLimit(Limits.BODY);
  private final BodyHandler forms;

  /// Adds to a router.
  ///
  /// @param uploads folder for the files of forms while they are read
  Endpoints(Vertx vertx, Router router, Path uploads) {
    this.vertx = vertx;
    this.router = router;
    this.forms =
        BodyHandler.create(uploads.toString())
            .setBodyLimit(Limits.BODY)
            .setDeleteUploadedFilesOnEnd(true);
  }

  Endpoints get(String path, Endpoint endpoint) {
    return add(HttpMethod.GET, path, endpoint);
  }

  Endpoints post(String path, Endpoint endpoint) {
    return add(HttpMethod.POST, path, endpoint);
  }

  Endpoints add(HttpMethod method, String path, Endpoint endpoint) {
    // curl -d says that its body is a form: none of these is, and as one it would not be whole.
    router.route(method, path).handler(Endpoints::withoutType);
    return add(method, path, bodies, endpoint);
  }

  private static void withoutType(RoutingContext context) {
    context.request().headers().remove(HttpHeaders.CONTENT_TYPE);
    context.next();
  }

  /// A POST of a multipart form with files.
  Endpoints uploads(String path, Endpoint endpoint) {
    return add(HttpMethod.POST, path, forms, endpoint);
  }

  private Endpoints add(HttpMethod method, String path, BodyHandler body, Endpoint endpoint) {
    router
        .route(method, path)
        .handler(body)
        .handler(context ->
            start(
                context,
                path,
                (call, response, loop) -> {
                  Reply reply = answer(call, endpoint);
                  loop.runOnContext(v -> write(response, reply));
                }));
    return this;
  }

  /// A GET whose answer may be larger than memory should hold.
  Endpoints stream(String path, String type, Streamed endpoint) {
    router
        .get(path)
        .handler(context ->
            start(context, path, (call, response, loop) -> stream(call, response, type, endpoint)));
    return this;
  }

  private interface Work {
    void with(Call call, HttpServerResponse response, Context loop) throws InterruptedException;
  }

  private void start(RoutingContext request, String path, Work work) {
    Call call = Call.of(request);
    Context loop = vertx.getOrCreateContext();
    HttpServerResponse response = request.response();
    Thread thread =
        Thread.ofVirtual()
            .name(path)
            .unstarted(() -> {
              try {
                work.with(call, response, loop);
              } catch (InterruptedException | RejectedExecutionException e) {
                // The client has gone or the sandbox is closing: there is nobody to answer.
              }
            });
    response.closeHandler(gone -> thread.interrupt());
    thread.start();
  }

  private static Reply answer(Call call, Endpoint endpoint) throws InterruptedException {
    try {
      return endpoint.answer(call);
    } catch (BadRequest e) {
      return Reply.json(422, e.json());
    } catch (LanguageMissing e) {
      return Reply.ok(RunResponse.sandboxError(String.valueOf(e.getMessage())).json());
    } catch (Sessions.Unknown e) {
      return Reply.detail(404, String.valueOf(e.getMessage()));
    } catch (Sessions.Full e) {
      return Reply.detail(503, String.valueOf(e.getMessage())).with("retry-after", "5");
    } catch (SandboxBusy | Gone | NoFile | Unsafe e) {
      return failed(e);
    } catch (RuntimeException e) {
      LOG.error("a defect of the sandbox", e);
      return Reply.detail(500, "A defect of the sandbox, see its log");
    }
  }

  private static Reply failed(Exception e) {
    String why = String.valueOf(e.getMessage());
    return switch (e) {
      case SandboxBusy busy ->
          Reply.detail(504, "The sandbox is busy: " + why)
              .with("x-queue-ms", Double.toString(busy.waited().toNanos() / 1e6));
      case Gone _ -> Reply.detail(410, "The session has ended: " + why);
      case NoFile _ -> Reply.detail(why.contains("No such file") ? 404 : 400, why);
      case Unsafe _ -> Reply.detail(503, why).with("retry-after", "60");
      default -> Reply.detail(500, why);
    };
  }

  /// The status is sent with the first piece, so that an early failure has its own.
  private static void stream(Call call, HttpServerResponse response, String type, Streamed endpoint)
      throws InterruptedException {
    Reply failure;
    try {
      endpoint.answer(call, piece -> send(response, type, piece));
      send(response, type, new byte[0]);
      response.end();
      return;
    } catch (Sessions.Unknown e) {
      failure = Reply.detail(404, String.valueOf(e.getMessage()));
    } catch (SandboxBusy | Gone | NoFile | Unsafe e) {
      failure = failed(e);
    } catch (RuntimeException e) {
      LOG.debug("a client took its answer no further", e);
      failure = Reply.detail(500, "the answer was not taken");
    }
    if (response.headWritten()) response.reset();
    else write(response, failure);
  }

  private static void send(HttpServerResponse response, String type, byte[] piece) {
    if (!response.headWritten()) response.setChunked(true).putHeader("content-type", type);
    try {
      response
          .write(Buffer.buffer(piece))
          .toCompletionStage()
          .toCompletableFuture()
          .get(WRITE_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException | ExecutionException | TimeoutException e) {
      throw new IllegalStateException("the client has gone", e);
    }
  }

  static void write(HttpServerResponse response, Reply reply) {
    if (response.closed() || response.ended()) return;
    reply.headers().forEach(response::putHeader);
    response.setStatusCode(reply.status()).putHeader("content-type", reply.type());
    var _ = response.end(reply.body());
  }
}
