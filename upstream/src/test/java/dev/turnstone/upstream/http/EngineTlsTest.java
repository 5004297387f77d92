package dev.turnstone.upstream.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLHandshakeException;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.TrustManagerFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(30)
class EngineTlsTest {
  private static final Duration LONG = Duration.ofMinutes(1);
  private static final char[] PASSWORD = "no secret".toCharArray();
  private static final String REPLY = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";

  @TempDir static Path folder;
  private static SSLContext tls;

  private final List<Socket> sockets = new CopyOnWriteArrayList<>();
  private Connections connections;
  private SSLServerSocket server;
  private volatile String reply = REPLY;

  /// A certificate for 127.0.0.1, which only this test trusts.
  @BeforeAll
  static void makeCertificate() throws Exception {
    Path keys = folder.resolve("keys.p12");
    String keytool = Path.of(System.getProperty("java.home"), "bin", "keytool").toString();
    Process made =
        new ProcessBuilder(
                keytool,
                "-genkeypair",
                "-alias",
                "engine",
                "-keyalg",
                "EC",
                "-dname",
                "CN=engine",
                "-ext",
                "SAN=ip:127.0.0.1",
                "-storetype",
                "PKCS12",
                "-keystore",
                keys.toString(),
                "-storepass",
                new String(PASSWORD))
            .inheritIO()
            .start();
    assertThat(made.waitFor()).isZero();
    tls = context(keys);
  }

  private static SSLContext context(Path file) throws IOException, GeneralSecurityException {
    KeyStore keys = KeyStore.getInstance("PKCS12");
    try (InputStream in = Files.newInputStream(file)) {
      keys.load(in, PASSWORD);
    }
    KeyManagerFactory own = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    own.init(keys, PASSWORD);
    KeyStore trusted = KeyStore.getInstance("PKCS12");
    trusted.load(null, PASSWORD);
    trusted.setCertificateEntry("engine", keys.getCertificate("engine"));
    TrustManagerFactory trust =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(trusted);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(own.getKeyManagers(), trust.getTrustManagers(), null);
    return context;
  }

  @BeforeEach
  void listen() throws IOException {
    connections = new Connections(tls::getSocketFactory);
    InetAddress here = InetAddress.getLoopbackAddress();
    server = (SSLServerSocket) tls.getServerSocketFactory().createServerSocket(0, 16, here);
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
    try {
      InputStream in = socket.getInputStream();
      for (int c = in.read(); c >= 0; c = in.read())
        if (c == '}') socket.getOutputStream().write(reply.getBytes(StandardCharsets.US_ASCII));
    } catch (IOException e) {
      // Its client is gone.
    }
  }

  @AfterEach
  void close() throws IOException {
    connections.close();
    server.close();
    for (Socket socket : sockets) socket.close();
  }

  private EngineCall call(Connections by, String host, Duration silence) {
    URI engine = URI.create("https://%s:%d".formatted(host, server.getLocalPort()));
    RequestHead head = new RequestHead("POST", "/", Optional.of("k"));
    return by.call(engine, head, "{}".getBytes(StandardCharsets.US_ASCII), LONG, silence);
  }

  @ParameterizedTest
  @ValueSource(strings = {"TLSv1.2", "TLSv1.3"})
  void anEngineIsAskedOverTlsAndItsConnectionUsedAgain(String version) throws IOException {
    server.setEnabledProtocols(new String[] {version});
    for (int i = 0; i < 3; i++)
      try (EngineReply said = call(connections, "127.0.0.1", LONG).send()) {
        assertThat(said.readAllBytes()).asString().isEqualTo("abc");
      }
    assertThat(sockets).hasSize(1);
  }

  @Test
  void anEngineWhoseCertificateIsForAnotherHostIsAskedNothing() {
    assertThatThrownBy(call(connections, "localhost", LONG)::send)
        .isInstanceOf(SSLHandshakeException.class)
        .hasMessageContaining("localhost");
  }

  @Test
  void anEngineWhoseCertificateNobodySignedIsAskedNothing() {
    try (Connections usual = new Connections()) {
      assertThatThrownBy(call(usual, "127.0.0.1", LONG)::send)
          .isInstanceOf(SSLHandshakeException.class);
    }
  }

  /// A TLS socket that is closed waits for its peer.
  @ParameterizedTest
  @ValueSource(strings = {"TLSv1.2", "TLSv1.3"})
  void anEngineThatFallsSilentHoldsUpNobody(String version) {
    server.setEnabledProtocols(new String[] {version});
    reply = "";
    for (int i = 0; i < 2; i++)
      assertThatThrownBy(call(connections, "127.0.0.1", Duration.ofMillis(50))::send)
          .isInstanceOf(SocketTimeoutException.class);
  }

  @Test
  void anEngineThatDoesNotTakeTheRequestHoldsUpNobody() throws IOException {
    URI engine = URI.create("https://127.0.0.1:" + server.getLocalPort());
    RequestHead head = new RequestHead("POST", "/", Optional.empty());
    byte[] more = new byte[64 << 20]; // than the kernel buffers
    Arrays.fill(more, (byte) '}'); // each of which is answered, which nobody reads
    for (int i = 0; i < 2; i++)
      assertThatThrownBy(connections.call(engine, head, more, LONG, Duration.ofMillis(300))::send)
          .isInstanceOf(SocketTimeoutException.class);
  }
}
