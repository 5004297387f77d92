package dev.turnstone.sandbox;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.sandbox.RequestReader.LanguageMissing;
import dev.turnstone.sandbox.jail.SandboxException;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.file.FileSystemOptions;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.ext.web.Router;
import java.net.BindException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The sandbox's HTTP service: SandboxFusion's routes, sessions, and what it says of itself.
///
/// 200 with SandboxFusion's response whatever a program did; 422 if the request is none; 504 if no
/// place became free in time (RL clients retry that and nothing else); 403 for requests that a web
/// page of another site made; 503 while the self-test fails. Bodies of up to 64 MiB. Closing it, or
/// the end of this process however it comes, leaves no jail behind.
public final class SandboxServer implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(SandboxServer.class);

  private final SandboxConfig config;
  private final Sandbox sandbox;
  private final Guard guard;
  private final Sessions sessions;
  private final Health health;
  private final Vertx vertx;
  private final CountDownLatch closed = new CountDownLatch(1);
  private final AtomicBoolean closing = new AtomicBoolean();
  private final Thread atExit = new Thread(this::closeAtExit, "sandbox-shutdown");
  private final HttpServer http;

  private SandboxServer(SandboxConfig config, Sandbox sandbox, Guard guard) {
    this.config = config;
    this.sandbox = sandbox;
    this.guard = guard;
    this.sessions = new Sessions(sandbox, config);
    this.health = new Health(sandbox, sessions, guard);
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
                .setAcceptBacklog(4096)
                .setHandle100ContinueAutomatically(true));
  }

  /// Proves that jails hold on this machine, then serves until closed or terminated.
  ///
  /// @throws SandboxException if it cannot serve, with what to do about it
  public static SandboxServer start(SandboxConfig config) throws SandboxException {
    onlyLoopback(config.host());
    SandboxServer server = Opening.open(config, SandboxServer::new);
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
    String host = config.host();
    return "http://" + (host.contains(":") ? "[" + host + "]" : host) + ":" + port();
  }

  /// What holds programs, such as `bubblewrap, cgroup v2`.
  public String isolation() {
    return sandbox.jails().describe() + ", cgroup " + sandbox.jails().cgroups().describe();
  }

  /// A temporary folder of the service's own, gone after closing.
  Path folder() {
    return sandbox.jails().uploads().resolveSibling(".").normalize();
  }

  /// Blocks until the server has closed.
  public void awaitClose() throws InterruptedException {
    closed.await();
  }

  private Router routes() {
    Router router = Router.router(vertx);
    router.route().handler(new LocalRequests(config.host()));
    Endpoints endpoints =
        new Endpoints(vertx, router, sandbox.jails().uploads())
            .get("/v1/ping", call -> Reply.ok(JsonNodeFactory.instance.textNode("pong")))
            .get("/v1/languages", call -> Reply.ok(sandbox.languages().json()))
            .get("/health", call -> health.health())
            .get("/metrics", call -> health.metrics())
            .post("/run_code", this::runCode)
            .post("/run_jupyter", this::runJupyter);
    new SessionRoutes(sessions, config, guard).addTo(endpoints);
    new McpRoutes(sessions, guard).addTo(endpoints);
    new SweRexRoutes(sessions, guard).addTo(endpoints);
    Map.of(404, "Not Found", 405, "Method Not Allowed", 413, "A body has at most 64 MiB")
        .forEach((status, why) ->
            router.errorHandler(
                status, c -> Endpoints.write(c.response(), Reply.detail(status, why))));
    return router;
  }

  private Reply runCode(Call call)
      throws BadRequest, LanguageMissing, SandboxBusy, Endpoints.Unsafe, InterruptedException {
    guard.check();
    RunRequest request = RequestReader.program(call.body(), sandbox.languages(), config.network());
    long started = System.nanoTime();
    String status = "busy";
    try {
      Sandbox.Ran<RunResponse> ran = sandbox.run(request);
      status = ran.result().status();
      return ran.reply(ran.result().json());
    } finally {
      health.count(status, (System.nanoTime() - started) / 1e9);
    }
  }

  private Reply runJupyter(Call call)
      throws BadRequest, SandboxBusy, Endpoints.Unsafe, InterruptedException {
    guard.check();
    JupyterRequest request =
        RequestReader.notebook(call.body(), sandbox.languages(), config.network());
    long started = System.nanoTime();
    String status = "busy";
    try {
      Sandbox.Ran<ObjectNode> ran = sandbox.run(request);
      status = ran.result().get("status").asText();
      return ran.reply(ran.result());
    } finally {
      health.count(status, (System.nanoTime() - started) / 1e9);
    }
  }

  /// Stops listening and kills every program and jail.
  @Override
  public void close() throws SandboxException {
    if (!closing.compareAndSet(false, true)) return;
    try {
      vertx.close().toCompletionStage().toCompletableFuture().join();
    } finally {
      guard.close();
      sessions.close();
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
