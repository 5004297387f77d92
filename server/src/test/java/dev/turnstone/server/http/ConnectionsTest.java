package dev.turnstone.server.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.ext.web.RoutingContext;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.WebSocket;
import okhttp3.WebSocketListener;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
final class ConnectionsTest {
  private static final List<Route> ROUTES =
      List.of(
          Route.get("/hello", Scope.OPEN, call -> new Reply.Text("text/plain", "hello")),
          Route.get("/flood", Scope.OPEN, call -> new Reply.Events(ConnectionsTest::flood)),
          Route.socket("/echo", Scope.OPEN, ConnectionsTest::echo));

  private static void flood(EventStream events) throws InterruptedException, EventStream.Gone {
    while (true) events.frame("data: " + "x".repeat(1 << 16) + "\n\n");
  }

  private static void echo(RoutingContext context) {
    context
        .request()
        .toWebSocket()
        .onSuccess(socket -> socket.textMessageHandler(socket::writeTextMessage));
  }

  private static Rim listen(Connections connections) throws InterruptedException {
    Metrics metrics = new Metrics();
    Dispatch dispatch =
        new Dispatch(
            new Access("127.0.0.1", List.of(), List.of()),
            Contract.load(),
            metrics,
            new InFlight(),
            Duration.ofMillis(200));
    return Rim.listen("127.0.0.1", 0, dispatch, ROUTES, connections);
  }

  private static void write(Socket socket, String text) throws IOException {
    socket.getOutputStream().write(text.getBytes(StandardCharsets.US_ASCII));
  }

  private static void ask(Socket socket, Rim rim) throws IOException {
    write(socket, "GET /hello HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n".formatted(rim.port()));
    StringBuilder answer = new StringBuilder();
    while (!answer.toString().endsWith("hello")) {
      int c = socket.getInputStream().read();
      assertThat(c).as(answer.toString()).isNotNegative();
      answer.append((char) c);
    }
  }

  @Test
  void aHeadThatNeverEndsIsCutOffAndAConnectionThatWasUsedIsKept() throws Exception {
    Connections connections = new Connections(Duration.ofMillis(300), Duration.ofMinutes(10));
    InetAddress local = InetAddress.getLoopbackAddress();
    try (Rim rim = listen(connections);
        Socket used = new Socket(local, rim.port())) {
      ask(used, rim);
      try (Socket stalled = new Socket(local, rim.port())) {
        write(stalled, "GET /hello HTTP/1.1\r\nHost: ");
        assertThat(stalled.getInputStream().read()).isEqualTo(-1);
      }
      ask(used, rim);
    }
  }

  @Test
  void aConnectionThatWasUsedIsClosedInTheEnd() throws Exception {
    Connections connections = new Connections(Duration.ofMinutes(1), Duration.ofMillis(100));
    try (Rim rim = listen(connections);
        Socket used = new Socket(InetAddress.getLoopbackAddress(), rim.port())) {
      ask(used, rim);
      assertThat(used.getInputStream().read()).isEqualTo(-1);
    }
  }

  @Test
  void aWebSocketIsNotAConnectionWithoutRequests() throws Exception {
    Connections connections = new Connections(Duration.ofMillis(200), Duration.ofMillis(100));
    BlockingQueue<String> heard = new LinkedBlockingQueue<>();
    var listener =
        new WebSocketListener() {
          @Override
          public void onMessage(WebSocket socket, String text) {
            heard.add(text);
          }
        };
    OkHttpClient client = new OkHttpClient();
    try (Rim rim = listen(connections)) {
      var echo = new Request.Builder().url("http://127.0.0.1:%d/echo".formatted(rim.port()));
      WebSocket socket = client.newWebSocket(echo.build(), listener);
      assertThat(socket.send("first")).isTrue();
      assertThat(heard.poll(10, TimeUnit.SECONDS)).isEqualTo("first");
      // The time that a connection without requests has is up when these two are closed.
      try (Socket used = new Socket(InetAddress.getLoopbackAddress(), rim.port());
          Socket unused = new Socket(InetAddress.getLoopbackAddress(), rim.port())) {
        ask(used, rim);
        assertThat(used.getInputStream().read()).isEqualTo(-1);
        assertThat(unused.getInputStream().read()).isEqualTo(-1);
      }

      assertThat(socket.send("second")).isTrue();
      assertThat(heard.poll(10, TimeUnit.SECONDS)).isEqualTo("second");
      socket.close(1000, "");
    } finally {
      client.dispatcher().executorService().shutdown();
    }
  }

  /// A close that first sends what is there would wait for the client for ever.
  @Test
  void aClientThatDoesNotReadItsAnswerLosesItsConnection() throws Exception {
    try (Rim rim = listen(Connections.USUAL);
        var threads = Executors.newVirtualThreadPerTaskExecutor();
        Socket client = new Socket(InetAddress.getLoopbackAddress(), rim.port())) {
      write(client, "GET /flood HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n".formatted(rim.port()));
      Future<IOException> cut = threads.submit(() -> refused(client));
      assertThat(cut.get(20, TimeUnit.SECONDS)).isInstanceOf(SocketException.class);
    }
  }

  /// Writes to a server until it takes no more.
  private static IOException refused(Socket client) {
    while (true) {
      try {
        write(client, "\r\n");
      } catch (IOException e) {
        return e;
      }
    }
  }
}
