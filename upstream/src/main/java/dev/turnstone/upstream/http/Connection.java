package dev.turnstone.upstream.http;

import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.OptionalLong;
import java.util.function.Supplier;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.SSLSocketFactory;

/// A connection to one engine. Used by one call at a time; any thread may close it.
final class Connection implements Closeable {
  private static final Duration CONNECT = Duration.ofSeconds(5);
  private static final int LONGEST_LINE = 64 << 10;

  private final Origin origin;

  /// What is closed: closing TLS above it would wait for an engine that may not listen any more.
  private final Socket tcp;

  private final Socket socket;
  private final InputStream in;
  private final byte[] buffer = new byte[16 << 10];
  private volatile OptionalLong waiting = OptionalLong.empty();
  private int at;
  private int end;

  private Connection(Origin origin, Socket tcp, Socket socket) throws IOException {
    this.origin = origin;
    this.tcp = tcp;
    this.socket = socket;
    this.in = socket.getInputStream();
  }

  /// A new connection.
  ///
  /// @param tls makes those that are secure
  static Connection open(Origin origin, Patience patience, Supplier<SSLSocketFactory> tls)
      throws IOException {
    Socket socket = connected(origin, patience);
    try {
      // An event must not wait for the one after it.
      socket.setTcpNoDelay(true);
      Socket used =
          origin.secure()
              ? secured(
                  tls.get().createSocket(socket, origin.host(), origin.port(), true), patience)
              : socket;
      return new Connection(origin, socket, used);
    } catch (IOException | RuntimeException e) {
      socket.close();
      throw e;
    }
  }

  /// Connected to the first of the host's addresses that takes connections.
  private static Socket connected(Origin origin, Patience patience) throws IOException {
    IOException failed = new ConnectException("no address");
    for (InetAddress address : InetAddress.getAllByName(origin.host())) {
      Socket socket = new Socket();
      try {
        socket.connect(new InetSocketAddress(address, origin.port()), patience.millis(CONNECT));
        return socket;
      } catch (IOException e) {
        socket.close();
        failed = e;
      }
    }
    throw failed;
  }

  private static Socket secured(Socket socket, Patience patience) throws IOException {
    SSLSocket secure = (SSLSocket) socket;
    SSLParameters parameters = secure.getSSLParameters();
    parameters.setEndpointIdentificationAlgorithm("HTTPS");
    secure.setSSLParameters(parameters);
    secure.setSoTimeout(patience.millis(CONNECT));
    secure.startHandshake();
    secure.setSoTimeout(0);
    return secure;
  }

  Origin origin() {
    return origin;
  }

  /// Sends the next request. An engine that does not take it is as silent as one that does not
  /// answer.
  void send(byte[] request) throws IOException {
    waiting = OptionalLong.of(System.nanoTime());
    socket.getOutputStream().write(request);
    waiting = OptionalLong.empty();
  }

  /// Whether nothing has come that nobody asked for, which would be read as the next reply.
  boolean isQuiet() {
    try {
      return at == end && tcp.getInputStream().available() == 0;
    } catch (IOException e) {
      return false; // It is gone.
    }
  }

  /// Reads up to `length` bytes; −1 at the connection's end.
  int read(byte[] to, int from, int length) throws IOException {
    if (at == end && !fill()) return -1;
    int count = Math.min(length, end - at);
    System.arraycopy(buffer, at, to, from, count);
    at += count;
    return count;
  }

  /// Reads a line of a head, which is ASCII, without its end.
  String line() throws IOException {
    StringBuilder before = new StringBuilder(0);
    while (true) {
      if (at == end && !fill()) throw new EOFException("it closed the connection");
      int from = at;
      while (at < end && buffer[at] != '\n') at++;
      boolean whole = at < end;
      int to = whole && at > from && buffer[at - 1] == '\r' ? at - 1 : at;
      String part = new String(buffer, from, to - from, StandardCharsets.ISO_8859_1);
      if (whole) {
        at++;
        if (before.isEmpty()) return part;
        return before.append(part).toString().stripTrailing();
      }
      if (before.append(part).length() > LONGEST_LINE)
        throw new IOException("it answers with a head that does not end");
    }
  }

  /// Waits without a timer of its own, which would cost more than the read: who waits too long is
  /// found by [Connections].
  private boolean fill() throws IOException {
    if (Thread.currentThread().isInterrupted()) throw new InterruptedIOException("interrupted");
    at = 0;
    end = 0;
    waiting = OptionalLong.of(System.nanoTime());
    end = Math.max(0, in.read(buffer));
    waiting = OptionalLong.empty();
    return end > 0;
  }

  /// Since when a byte is waited for, on [System#nanoTime].
  OptionalLong waiting() {
    return waiting;
  }

  @Override
  public void close() {
    try {
      tcp.close();
    } catch (IOException e) {
      // It is gone all the same.
    }
  }
}
