package dev.turnstone.server.http;

import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.file.FileSystemOptions;
import io.vertx.core.http.HttpConnection;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.ext.web.Router;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The HTTP server. It listens before it serves: until [#serve] only `starting` routes answer and
/// all else is 503.
public final class Rim implements AutoCloseable {
  public static final String FEED_PROTOCOL = "turnstone.v1";

  private static final Logger log = LoggerFactory.getLogger(Rim.class);
  private static final Duration PATIENCE = Duration.ofSeconds(20);

  private final Vertx vertx;
  private final HttpServer server;
  private final Dispatch dispatch;
  private volatile Router router;

  private Rim(Vertx vertx, HttpServer server, Dispatch dispatch, List<Route> starting) {
    this.vertx = vertx;
    this.server = server;
    this.dispatch = dispatch;
    this.router = dispatch.router(vertx, starting, Dispatch.Unmatched.STARTING);
  }

  /// Binds the port.
  ///
  /// @param port 0 takes a free one
  /// @throws StartupError if the port is taken or the host is none of this machine's
  public static Rim listen(String host, int port, Dispatch dispatch, List<Route> starting)
      throws InterruptedException {
    return listen(host, port, dispatch, starting, Connections.USUAL);
  }

  static Rim listen(
      String host, int port, Dispatch dispatch, List<Route> starting, Connections connections)
      throws InterruptedException {
    Vertx vertx =
        Vertx.vertx(
            new VertxOptions()
                .setFileSystemOptions(
                    new FileSystemOptions()
                        .setClassPathResolvingEnabled(false)
                        .setFileCachingEnabled(false)));
    HttpServer server = vertx.createHttpServer(options());
    Rim rim = new Rim(vertx, server, dispatch, starting);
    server.connectionHandler(connection -> connections.opened(vertx, connection));
    server.requestHandler(request -> {
      HttpConnection connection = request.connection();
      connections.busy(vertx, connection);
      // The router takes the other handlers of the end for itself.
      request.response().bodyEndHandler(ended -> connections.free(vertx, connection));
      rim.router.handle(request);
    });
    server.invalidRequestHandler(Rim::invalid);
    try {
      await(server.listen(port, host).toCompletionStage());
      return rim;
    } catch (IOException e) {
      rim.close();
      String why = String.valueOf(e.getMessage());
      throw new StartupError(
          why.contains("in use")
              ? "port %d on %s is in use".formatted(port, host)
              : "cannot listen on %s port %d: %s".formatted(host, port, why));
    }
  }

  static HttpServerOptions options() {
    // No idle timeout: a plain completion may be silent for minutes. Bodies have their own.
    HttpServerOptions options = new HttpServerOptions();
    options
        .setHttp2ClearTextEnabled(false)
        .setCompressionSupported(false)
        .setMaxHeaderSize(32 << 10)
        .setMaxWebSocketFrameSize(Wire.LIMIT)
        .setMaxWebSocketMessageSize(Wire.LIMIT)
        .setPerMessageWebSocketCompressionSupported(false)
        .setPerFrameWebSocketCompressionSupported(false)
        .setWebSocketSubProtocols(List.of(FEED_PROTOCOL))
        .setTcpNoDelay(true);
    return options;
  }

  /// What is not HTTP, as far as the decoder could read it.
  private static void invalid(HttpServerRequest request) {
    Exchange.refuse(
        request.response(), Refused.bad("the request is not valid HTTP"), ErrorShape.OPENAI);
    var _ = request.connection().close();
  }

  /// Measures how late its threads run.
  public Delays watch(Metrics metrics) {
    return Delays.watch(vertx, metrics);
  }

  /// Opens all routes.
  public void serve(List<Route> routes) {
    router = dispatch.router(vertx, routes, Dispatch.Unmatched.NOT_FOUND);
  }

  public int port() {
    return server.actualPort();
  }

  @Override
  public void close() {
    try {
      await(vertx.close().toCompletionStage());
    } catch (IOException e) {
      log.warn("the HTTP server did not close: {}", e.getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static <T> T await(CompletionStage<T> stage) throws InterruptedException, IOException {
    try {
      return stage.toCompletableFuture().get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
    } catch (TimeoutException e) {
      throw new IOException("no answer in " + PATIENCE.toSeconds() + " s", e);
    } catch (ExecutionException e) {
      throw e.getCause() instanceof IOException io
          ? io
          : new IOException(String.valueOf(e.getCause()), e);
    }
  }
}
