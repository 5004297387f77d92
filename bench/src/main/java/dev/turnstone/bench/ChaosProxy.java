package dev.turnstone.bench;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/// The network between a consumer and its servers: goes to whichever server answers, in turn, and
/// is cut and stalled on demand.
final class ChaosProxy implements AutoCloseable {
  private static final int CONNECT_MS = 1000;

  private final ServerSocket listening;
  private final List<Integer> servers;
  private final AtomicInteger turn = new AtomicInteger();
  private final Set<Socket> open = ConcurrentHashMap.newKeySet();
  private volatile long stalledUntil = System.nanoTime();

  ChaosProxy(List<Integer> servers) throws IOException {
    this.servers = List.copyOf(servers);
    listening = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    Thread.ofVirtual().name("chaos-proxy").start(this::accept);
  }

  URI uri() {
    return URI.create("http://127.0.0.1:" + listening.getLocalPort());
  }

  /// Breaks every connection.
  void cut() {
    open.forEach(ChaosProxy::close);
  }

  /// Lets nothing through for a while.
  void stall(long millis) {
    stalledUntil = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
  }

  private void accept() {
    while (!listening.isClosed()) {
      try {
        Socket client = listening.accept();
        open.add(client);
        Thread.ofVirtual().start(() -> connect(client));
      } catch (IOException e) {
        if (!listening.isClosed()) throw new IllegalStateException("the proxy failed", e);
      }
    }
  }

  private void connect(Socket client) {
    for (int i = 0; i < servers.size(); i++) {
      int port = servers.get(Math.floorMod(turn.getAndIncrement(), servers.size()));
      Socket server = new Socket();
      try {
        server.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), CONNECT_MS);
      } catch (IOException e) {
        close(server);
        continue;
      }
      open.add(server);
      Thread.ofVirtual().start(() -> copy(client, server));
      copy(server, client);
      return;
    }
    close(client);
  }

  /// Ends when one side does.
  private void copy(Socket from, Socket to) {
    byte[] buffer = new byte[1 << 16];
    try (from;
        to) {
      InputStream in = from.getInputStream();
      OutputStream out = to.getOutputStream();
      for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
        long left = stalledUntil - System.nanoTime();
        if (left > 0) TimeUnit.NANOSECONDS.sleep(left);
        out.write(buffer, 0, read);
      }
    } catch (IOException e) {
      // Cut, by us or by a kill.
      return;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      open.remove(from);
      open.remove(to);
    }
  }

  private static void close(Socket socket) {
    try {
      socket.close();
    } catch (IOException e) {
      throw new IllegalStateException("a socket does not close", e);
    }
  }

  @Override
  public void close() throws IOException {
    listening.close();
    cut();
  }
}
