package dev.turnstone.trainerbridge.client;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.random.RandomGenerator;

/// A TCP proxy that cuts each connection after a random number of bytes, in the middle of whatever
/// it carries.
public final class FlakyProxy implements AutoCloseable {
  final AtomicInteger cuts = new AtomicInteger();
  private final ServerSocket listening;
  private final int target;
  private final RandomGenerator random;
  private final int bound;

  /// @param bound of the bytes that a connection carries in one direction
  FlakyProxy(int target, RandomGenerator random, int bound) throws IOException {
    this.listening = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    this.target = target;
    this.random = random;
    this.bound = bound;
    Thread.ofVirtual().start(this::accept);
  }

  int port() {
    return listening.getLocalPort();
  }

  private void accept() {
    try {
      while (true) {
        Socket client = listening.accept();
        Socket server = new Socket(InetAddress.getLoopbackAddress(), target);
        int up = 500 + random.nextInt(bound);
        int down = 500 + random.nextInt(bound);
        Thread.ofVirtual().start(() -> carry(client, server, up));
        Thread.ofVirtual().start(() -> carry(server, client, down));
      }
    } catch (IOException e) {
      // The listening socket was closed.
    }
  }

  private void carry(Socket from, Socket to, int allowed) {
    try (from;
        to) {
      InputStream in = from.getInputStream();
      OutputStream out = to.getOutputStream();
      byte[] buffer = new byte[256];
      int left = allowed;
      while (left > 0) {
        int read = in.read(buffer, 0, Math.min(buffer.length, left));
        if (read < 0) return;
        out.write(buffer, 0, read);
        left -= read;
      }
      cuts.incrementAndGet();
    } catch (IOException e) {
      // The other direction was cut.
    }
  }

  @Override
  public void close() throws IOException {
    listening.close();
  }
}
