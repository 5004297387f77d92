package dev.turnstone.sandbox.egress;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.UnixDomainSocketAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(30)
final class EgressProxyTest {
  private static final String ESTABLISHED = "HTTP/1.1 200 Connection established\r\n\r\n";

  @TempDir private Path folder;

  /// A host that keeps its end open for ever would take a place of all jails for ever.
  @Test
  void whatAJailHasOpenEndsWithIt() throws Exception {
    Path socket = folder.resolve("s");
    try (ServerSocket host = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
        EgressProxy proxy = new EgressProxy(socket, InetAddress::getAllByName);
        SocketChannel program = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
      String name = "127.0.0.1:" + host.getLocalPort();
      String token = proxy.admit(AllowList.of(List.of(name)));
      say(program, token + "\nCONNECT " + name + " HTTP/1.1\r\n\r\n");
      InputStream answer = Channels.newInputStream(program);
      assertThat(new String(answer.readNBytes(ESTABLISHED.length()), UTF_8)).isEqualTo(ESTABLISHED);

      try (Socket silent = host.accept()) {
        silent.setSoTimeout(10_000);
        proxy.forget(token);

        assertThat(silent.getInputStream().read()).isEqualTo(-1);
        assertThat(answer.read()).isEqualTo(-1);
      }
    }
  }

  @Test
  void aTokenThatWasForgottenOpensNothing() throws Exception {
    Path socket = folder.resolve("s");
    try (EgressProxy proxy = new EgressProxy(socket, InetAddress::getAllByName);
        SocketChannel program = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
      String token = proxy.admit(AllowList.of(List.of("*")));
      proxy.forget(token);
      say(program, token + "\n");

      assertThat(Channels.newInputStream(program).read()).isEqualTo(-1);
    }
  }

  @Test
  void aNameThatIsNotAnsweredForIsGivenUp() {
    CountDownLatch never = new CountDownLatch(1);
    AllowList.Resolver slow =
        name -> {
          try {
            never.await();
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
          throw new UnknownHostException(name);
        };

    try (Lookups lookups = new Lookups(slow, Duration.ofMillis(20))) {
      assertThatThrownBy(() -> lookups.addresses("slow.example"))
          .isInstanceOf(UnknownHostException.class)
          .hasMessage("slow.example: no answer in 0.02 s");
    }
  }

  private static void say(SocketChannel program, String text) throws IOException {
    ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(UTF_8));
    while (bytes.hasRemaining()) program.write(bytes);
  }
}
