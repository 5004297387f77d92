package dev.turnstone.sandbox;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.turnstone.sandbox.Sandbox.SandboxBusy;
import io.vertx.core.Context;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.file.FileSystemOptions;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import io.vertx.ext.web.handler.BodyHandler;
import java.net.BindException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Map;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The sandbox's HTTP service: SandboxFusion's `POST /run_code` and `GET /v1/ping`.
///
/// 200 with SandboxFusion's response whatever the program did; 422 if the request is none; 504 if
/// no place became free in time (RL clients retry that and nothing else); 403 for requests that a
/// web page of another site made. Bodies of up to 64 MiB. Closing it, or the end of this process
/// however it comes, leaves no jail behind.
public final class SandboxServer implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(SandboxServer.class);

  private final String host;
  private final Sandbox sandbox;
  private final Vertx vertx;
  private final CountDownLatch closed = new CountDownLatch(1);
  private final AtomicBoolean closing = new AtomicBoolean();
  private final Thread atExit = new Thread(this::closeAtExit, "sandbox-shutdown");
  private final HttpServer http;

  private SandboxServer(SandboxConfig config, Sandbox sandbox) {
    this.host = config.host();
    this.sandbox = sandbox;
    this.vertx =
        Vertx.vertx(
            new VertxOptions()
                .setEventLoopPoolSize(2)
                .setFileSystemOptions(
                    new FileSystemOptions()
                        .setFileCachingEnabled(false)
                        .setClassPathResolvingEnabled(false)));
    this.http =
        vertx.createHttpServer(
            new HttpServerOptions()
                .setHost(config.host())
                .setPort(config.port())
                .setHandle100ContinueAutomatically(true));
  }

  /// Proves that jails hold on this machine, then serves until closed or terminated.
  ///
  /// @throws SandboxException if it cannot serve, with what to do about it
  public static SandboxServer start(SandboxConfig config) throws SandboxException {
    onlyLoopback(config.host());
    SandboxServer server = new SandboxServer(config, Sandbox.open(config));
    try {
      server
          .http
          .requestHandler(server.routes())
          .listen()
          .toCompletionStage()
          .toCompletableFuture()
          .join();
    } catch (CompletionException e) {
      server.close();
      throw cannotListen(config, e.getCause() == null ? e : e.getCause());
    }
    Runtime.getRuntime().addShutdownHook(server.atExit);
    return server;
  }

  private static void onlyLoopback(String host) throws SandboxException {
    try {
      if (InetAddress.getByName(host).isLoopbackAddress()) return;
    } catch (UnknownHostException e) {
      throw new SandboxException("the sandbox does not know the host " + host, e);
    }
    throw new SandboxException(
        "the sandbox runs programs for whoever reaches it and so serves only this machine, not "
            + host
            + ": use --host 127.0.0.1");
  }

  private static SandboxException cannotListen(SandboxConfig config, Throwable cause) {
    return new SandboxException(
        cause instanceof BindException
            ? "port %d of %s is in use: choose another with --port, 0 picks a free one"
                .formatted(config.port(), config.host())
            : "the sandbox cannot listen on %s:%d: %s"
                .formatted(config.host(), config.port(), cause.getMessage()),
        cause);
  }

  public int port() {
    return http.actualPort();
  }

  /// Where it listens, such as `http://127.0.0.1:8080`.
  public String url() {
    return "http://" + (host.contains(":") ? "[" + host + "]" : host) + ":" + port();
  }

  /// Blocks until the server has closed.
  public void awaitClose() throws InterruptedException {
    closed.await();
  }

  private Router routes() {
    Router router = Router.router(vertx);
    router.route().handler(new LocalRequests(host));
    router
        .get("/v1/ping")
        .handler(c -> write(c.response(), 200, JsonNodeFactory.instance.textNode("pong")));
    router
        .post("/run_code")
        .handler(BodyHandler.create(false).setBodyLimit(Limits.BODY))
        .handler(this::runCode);
    Map.of(404, "Not Found", 405, "Method Not Allowed", 413, "A body has at most 64 MiB")
        .forEach((status, why) ->
            router.errorHandler(status, c -> write(c.response(), status, detail(why))));
    return router;
  }

  private void runCode(RoutingContext request) {
    Buffer body = request.body().buffer();
    byte[] bytes = body == null ? new byte[0] : body.getBytes();
    Context context = vertx.getOrCreateContext();
    HttpServerResponse response = request.response();
    Thread run = Thread.ofVirtual().name("run_code").unstarted(() -> run(bytes, context, response));
    response.closeHandler(gone -> run.interrupt());
    run.start();
  }

  private void run(byte[] body, Context context, HttpServerResponse response) {
    try {
      Answer answer = answer(body);
      context.runOnContext(v -> write(response, answer.status, answer.body));
    } catch (InterruptedException | RejectedExecutionException e) {
      // The client has gone or the sandbox is closing: there is nobody to answer.
    }
  }

  private record Answer(int status, JsonNode body) {}

  private Answer answer(byte[] body) throws InterruptedException {
    try {
      return new Answer(200, sandbox.run(RequestReader.read(body)).json());
    } catch (BadRequest e) {
      return new Answer(422, e.json());
    } catch (SandboxBusy e) {
      return new Answer(504, detail("The sandbox is busy: " + e.getMessage()));
    } catch (RuntimeException e) {
      LOG.error("a defect of the sandbox", e);
      return new Answer(500, detail("A defect of the sandbox, see its log"));
    }
  }

  static JsonNode detail(String why) {
    return JsonNodeFactory.instance.objectNode().put("detail", why);
  }

  static void write(HttpServerResponse response, int status, JsonNode body) {
    if (response.closed() || response.ended()) return;
    var _ =
        response
            .setStatusCode(status)
            .putHeader("content-type", "application/json")
            .end(body.toString());
  }

  /// Stops listening and kills every program and jail.
  @Override
  public void close() throws SandboxException {
    if (!closing.compareAndSet(false, true)) return;
    try {
      vertx.close().toCompletionStage().toCompletableFuture().join();
    } finally {
      sandbox.close();
      closed.countDown();
      forgetAtExit();
    }
  }

  private void forgetAtExit() {
    try {
      Runtime.getRuntime().removeShutdownHook(atExit);
    } catch (IllegalStateException e) {
      // The process is ending already.
    }
  }

  private void closeAtExit() {
    try {
      close();
    } catch (SandboxException e) {
      LOG.error("{}", e.getMessage());
    }
  }
}
