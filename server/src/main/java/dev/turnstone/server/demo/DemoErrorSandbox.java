package dev.turnstone.server.demo;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/// A sandbox that runs nothing and answers every program with the same error, in the words of a
/// real one. Shows what the policy scores when its tool is of no use.
final class DemoErrorSandbox implements AutoCloseable {
  private static final String ANSWER =
      """
      {"status":"Failed","message":"","compile_result":null,"run_result":{"status":"Finished",\
      "execution_time":0.0,"return_code":1,"stdout":"","stderr":"Error: no Python here"},\
      "executor_pod_name":null,"files":{}}\
      """;

  private final HttpServer server;
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();

  private DemoErrorSandbox(HttpServer server) {
    this.server = server;
  }

  static DemoErrorSandbox start() {
    try {
      HttpServer server =
          HttpServer.create(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0), 0);
      DemoErrorSandbox sandbox = new DemoErrorSandbox(server);
      server.setExecutor(sandbox.threads);
      server.createContext(
          "/",
          exchange -> {
            try (exchange) {
              exchange.getRequestBody().readAllBytes();
              byte[] answer = ANSWER.getBytes(StandardCharsets.UTF_8);
              exchange.getResponseHeaders().set("Content-Type", "application/json");
              exchange.sendResponseHeaders(200, answer.length);
              exchange.getResponseBody().write(answer);
            }
          });
      server.start();
      return sandbox;
    } catch (IOException e) {
      throw new DemoFailure("no free port: " + e.getMessage());
    }
  }

  int port() {
    return server.getAddress().getPort();
  }

  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
  }
}
