package dev.turnstone.upstream.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import javax.net.ssl.SSLSocketFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(20)
class EngineCallTest {
  private static final Duration LONG = Duration.ofSeconds(10);

  private static final Supplier<SSLSocketFactory> TLS =
      Optional.<SSLSocketFactory>empty()::orElseThrow;

  private final Peer peer = new Peer();
  private final Connections connections = new Connections();

  @AfterEach
  void close() throws IOException {
    connections.close();
    peer.close();
  }

  /// Reads requests and writes what it is told to; counts its connections.
  private static final class Peer implements AutoCloseable {
    private final ServerSocket server;
    private final List<Socket> sockets = new CopyOnWriteArrayList<>();
    private final List<String> asked = new CopyOnWriteArrayList<>();
    private final CountDownLatch gone = new CountDownLatch(1);
    private volatile String reply = "";
    private volatile boolean closes;

    Peer() {
      try {
        server = new ServerSocket(0, 16, InetAddress.getLoopbackAddress());
      } catch (IOException e) {
        throw new IllegalStateException(e);
      }
      Thread.ofVirtual().start(this::accept);
    }

    private void accept() {
      try {
        while (true) {
          Socket socket = server.accept();
          sockets.add(socket);
          Thread.ofVirtual().start(() -> serve(socket));
        }
      } catch (IOException e) {
        // Closed.
      }
    }

    private void serve(Socket socket) {
      try (socket) {
        InputStream in = socket.getInputStream();
        StringBuilder request = new StringBuilder();
        for (int c = in.read(); c >= 0; c = in.read()) {
          request.append((char) c);
          if (!request.toString().endsWith("\r\n\r\n{}")) continue;
          asked.add(request.toString());
          request.setLength(0);
          socket.getOutputStream().write(reply.getBytes(StandardCharsets.ISO_8859_1));
          if (closes) return;
        }
        gone.countDown();
      } catch (IOException e) {
        gone.countDown();
      }
    }

    @Override
    public void close() throws IOException {
      server.close();
      for (Socket socket : sockets) socket.close();
    }
  }

  private EngineCall call(Duration timeout, Duration silence) {
    URI engine = URI.create("http://127.0.0.1:%d/base/".formatted(peer.server.getLocalPort()));
    RequestHead head = new RequestHead("POST", "/generate", Optional.of("k"));
    byte[] body = "{}".getBytes(StandardCharsets.US_ASCII);
    return connections.call(engine, head, body, timeout, silence);
  }

  private String body() throws IOException {
    try (EngineReply reply = call(LONG, LONG).send()) {
      return new String(reply.readAllBytes(), StandardCharsets.ISO_8859_1);
    }
  }

  @Test
  void aRequestNamesItsHostItsKeyAndTheLengthOfItsBody() throws IOException {
    peer.reply = "HTTP/1.1 204 No Content\r\n\r\n";
    assertThat(body()).isEmpty();
    assertThat(peer.asked.getFirst())
        .startsWith("POST /base/generate HTTP/1.1\r\nHost: 127.0.0.1:")
        .contains("\r\nAuthorization: Bearer k\r\n", "\r\nContent-Length: 2\r\n");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          Content-Length: 3~~abc                          | abc | 1
          CONTENT-LENGTH:  3~connection: Keep-Alive~~abc  | abc | 1
          Transfer-Encoding: chunked~~1~a~2;x=y~bc~0~~    | abc | 1
          transfer-encoding: Chunked~~000~trailer: 1~~    | ''  | 1
          Content-Length: 3~Connection: close~~abc        | abc | 3
          Content-Length: 3~Connection: x~Connection: Close, TE~~abc     | abc | 3
          Content-Length: 3~~abcHTTP/1.1 408 Request Timeout~~           | abc | 3
          Content-Length: 0~~                             | ''  | 1
          """)
  void aConnectionIsUsedAgainAfterAReplyThatWasReadToItsEnd(String rest, String body, int opened)
      throws IOException {
    peer.reply = ("HTTP/1.1 200 OK\r\n" + rest).replace("~", "\r\n");
    for (int i = 0; i < 3; i++) assertThat(body()).isEqualTo(body);
    assertThat(peer.sockets).hasSize(opened);
  }

  @Test
  void aBodyWithoutALengthEndsWithItsConnection() throws IOException {
    peer.reply = "HTTP/1.0 200 OK\r\n\r\nall of it";
    peer.closes = true;
    assertThat(body()).isEqualTo("all of it");
    assertThat(body()).isEqualTo("all of it");
    assertThat(peer.sockets).hasSize(2);
  }

  @Test
  void whatOnlySaysThatTheReplyComesIsNoReply() throws IOException {
    peer.reply =
        "HTTP/1.1 102 Processing\r\nx: y\r\n\r\nHTTP/1.1 503 \r\nContent-Length: 4\r\n\r\nbusy";
    try (EngineReply reply = call(LONG, LONG).send()) {
      assertThat(reply.status()).isEqualTo(503);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "SSH-2.0-OpenSSH\r\n",
        "HTTP/1.1 two hundred\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno header\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nContent-Length: +3\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 2\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        "HTTP/1.1 200",
        ""
      })
  void whatIsNoWholeReplyFails(String reply) {
    peer.reply = reply;
    peer.closes = true;
    assertThatThrownBy(this::body).isInstanceOf(IOException.class);
  }

  @Test
  void aReplyThatHasNoBodyIsNotWaitedForItsChunks() throws IOException {
    peer.reply = "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n";
    assertThat(body()).isEmpty();
  }

  @Test
  void ofWhatIsNoHttpOnlyTheBeginningIsSaidInPlainLetters() {
    peer.reply = "\u001b[2J" + "x".repeat(5000) + "\r\n";
    assertThatThrownBy(this::body)
        .message()
        .startsWith("it answers what is not HTTP: ?[2Jxxx")
        .hasSizeLessThan(300);
  }

  @Test
  void aBodyThatIsLargerThanItMayBeIsNotReadToItsEnd() throws IOException {
    peer.reply = "HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\nabc";
    try (EngineReply reply = call(LONG, LONG).send()) {
      assertThatThrownBy(() -> reply.rest(2)).hasMessage("it answers more than 2 bytes");
    }
    peer.reply = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";
    try (EngineReply reply = call(LONG, LONG).send()) {
      assertThat(reply.rest(3)).hasSize(3);
    }
  }

  @Test
  void whatComesUnaskedOnAKeptConnectionIsSeenBeforeItIsUsed() throws Exception {
    Origin origin = new Origin(false, "127.0.0.1", peer.server.getLocalPort());
    Patience patience = Patience.of(LONG, LONG);
    try (Connection kept = Connection.open(origin, patience, TLS)) {
      kept.send("{}".getBytes(StandardCharsets.US_ASCII));
      assertThat(kept.isQuiet()).isTrue();
      while (peer.sockets.isEmpty()) Thread.onSpinWait();
      peer.sockets.getFirst().getOutputStream().write('H');
      while (kept.isQuiet()) Thread.onSpinWait();
    }
  }

  @Test
  void aReplyThatIsClosedEarlyClosesItsConnectionWhichTellsTheEngineToStop() throws Exception {
    peer.reply = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc";
    try (EngineReply reply = call(LONG, LONG).send()) {
      assertThat(reply.read()).isEqualTo('a');
    }
    assertThat(peer.gone.await(10, TimeUnit.SECONDS)).isTrue();
  }

  @Test
  void anyThreadCancelsACallThatWaits() throws Exception {
    EngineCall call = call(LONG, LONG);
    Thread.ofVirtual()
        .start(() -> {
          while (peer.asked.isEmpty()) Thread.onSpinWait();
          call.cancel();
        });
    assertThatThrownBy(call::send).isInstanceOf(IOException.class);
    assertThat(peer.gone.await(10, TimeUnit.SECONDS)).isTrue();
  }

  @Test
  void aCallThatWasCancelledBeforeItIsSentSendsNothing() {
    EngineCall call = call(LONG, LONG);
    call.cancel();
    assertThatThrownBy(call::send).hasMessage("it was cancelled");
    assertThat(peer.asked).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({"50,10000", "10000,50", "50,0"})
  void anEngineThatSaysNothingIsNotWaitedForLonger(int timeout, int silence) {
    EngineCall call = call(Duration.ofMillis(timeout), Duration.ofMillis(silence));
    assertThatThrownBy(call::send).isInstanceOf(SocketTimeoutException.class);
  }

  @Test
  void anEngineThatDoesNotTakeTheRequestIsNotWaitedForLonger() throws IOException {
    try (ServerSocket deaf = new ServerSocket(0, 16, InetAddress.getLoopbackAddress())) {
      URI engine = URI.create("http://127.0.0.1:" + deaf.getLocalPort());
      RequestHead head = new RequestHead("POST", "/", Optional.empty());
      byte[] more = new byte[64 << 20]; // than the kernel buffers
      EngineCall call =
          connections.call(engine, head, more, Duration.ofMinutes(1), Duration.ofMillis(50));
      assertThatThrownBy(call::send).isInstanceOf(SocketTimeoutException.class);
    }
  }

  @Test
  void aCallThatRunsWhenTheClientIsClosedStillWaitsNoLongerThanItMay() throws Exception {
    EngineCall call = call(Duration.ofMinutes(1), Duration.ofMillis(300));
    Thread.ofVirtual()
        .start(() -> {
          while (peer.asked.isEmpty()) Thread.onSpinWait();
          connections.close();
        });
    assertThatThrownBy(call::send).isInstanceOf(SocketTimeoutException.class);
    assertThatThrownBy(() -> call(LONG, LONG).send()).hasMessage("it was cancelled");
  }

  @Test
  void aKeyIsNotShown() {
    assertThat(new RequestHead("POST", "/", Optional.of("secret")).toString()).isEqualTo("POST /");
  }

  @Test
  void aKeyCannotBeginAnotherHeader() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new RequestHead("POST", "/", Optional.of("k\r\nHost: other")))
        .withMessageNotContaining("other");
  }

  @ParameterizedTest
  @CsvSource({
    "http://a,false,a,80,a",
    "https://a/x,true,a,443,a",
    "http://[::1]:8000,false,::1,8000,[::1]:8000",
    "HTTPS://a:80,true,a,80,a:80"
  })
  void anAddressSaysWhereConnectionsGo(
      URI address, boolean secure, String host, int port, String authority) {
    assertThat(Origin.of(address)).isEqualTo(new Origin(secure, host, port));
    assertThat(Origin.of(address).authority()).isEqualTo(authority);
  }
}
