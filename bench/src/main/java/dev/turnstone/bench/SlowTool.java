package dev.turnstone.bench;

import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/// A process with an HTTP tool that answers after as many milliseconds as its URL says, however
/// many ask at once. Ends when its standard input does.
public final class SlowTool {
  private SlowTool() {}

  public static void main(String[] args) throws Exception {
    Vertx vertx = Vertx.vertx();
    HttpServer server =
        vertx
            .createHttpServer(new HttpServerOptions().setHost("127.0.0.1").setAcceptBacklog(4096))
            .requestHandler(request -> {
              long millis = Long.parseLong(request.getParam("ms"));
              request.endHandler(_ -> {
                if (millis == 0) request.response().end("{\"answer\":4}");
                else vertx.setTimer(millis, _ -> request.response().end("{\"answer\":4}"));
              });
            });
    server.listen(0).toCompletionStage().toCompletableFuture().get(30, TimeUnit.SECONDS);
    System.out.println(server.actualPort());
    while (System.in.read() >= 0) {}
    vertx.close().toCompletionStage().toCompletableFuture().get(30, TimeUnit.SECONDS);
  }

  /// Starts the process and waits until it listens.
  static Child start() throws IOException {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx256m",
                "-XX:+UseSerialGC",
                "-cp",
                System.getProperty("java.class.path"),
                SlowTool.class.getName())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    BufferedReader out =
        new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    String port = out.readLine();
    if (port == null) throw new IOException("the tool's process ended before it listened");
    return new Child(process, Integer.parseInt(port));
  }

  /// The process as its parent sees it.
  record Child(Process process, int port) implements AutoCloseable {
    String url(int millis) {
      return "http://127.0.0.1:%d/tool?ms=%d".formatted(port, millis);
    }

    @Override
    public void close() throws IOException {
      process.getOutputStream().close();
    }
  }
}
