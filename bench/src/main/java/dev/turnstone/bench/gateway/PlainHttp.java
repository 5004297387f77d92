package dev.turnstone.bench.gateway;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Locale;

/// One kept-alive HTTP/1.1 connection to this machine that costs as little as it can, because it
/// shares the cores with what it measures. Used by one thread.
final class PlainHttp implements AutoCloseable {
  private static final int TIMEOUT_MS = 60_000;

  private final Socket socket;
  private final InputStream in;
  private final OutputStream out;
  private final int port;
  private String head = "";

  /// @param key sent as a bearer token; empty for none
  PlainHttp(int port, String key) throws IOException {
    socket = new Socket(InetAddress.getLoopbackAddress(), port);
    socket.setTcpNoDelay(true);
    socket.setSoTimeout(TIMEOUT_MS);
    in = new BufferedInputStream(socket.getInputStream(), 1 << 16);
    out = socket.getOutputStream();
    this.port = port;
    key(key);
  }

  /// Sends another key from now on.
  void key(String key) {
    head =
        " HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n%sContent-Type: application/json\r\n"
            .formatted(port, key.isEmpty() ? "" : "Authorization: Bearer " + key + "\r\n");
  }

  /// An answer that was read to its end.
  static final class Answer {
    private final int status;
    private final byte[] body;

    private Answer(int status, byte[] body) {
      this.status = status;
      this.body = body;
    }

    int status() {
      return status;
    }

    byte[] body() {
      return body;
    }

    String text() {
      return new String(body, StandardCharsets.UTF_8);
    }

    /// The body; fails if the status is not 2xx.
    String ok() throws IOException {
      if (status / 100 != 2) throw new IOException("answered " + status + ": " + text());
      return text();
    }
  }

  Answer get(String path) throws IOException {
    out.write(ascii("GET " + path + head + "\r\n"));
    return answer();
  }

  Answer delete(String path) throws IOException {
    out.write(ascii("DELETE " + path + head + "\r\n"));
    return answer();
  }

  Answer post(String path, String body) throws IOException {
    byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
    return post(path, bytes, bytes.length);
  }

  Answer post(String path, byte[] body, int length) throws IOException {
    send(path, body, length);
    return answer();
  }

  private void send(String path, byte[] body, int length) throws IOException {
    byte[] line = ascii("POST " + path + head + "Content-Length: " + length + "\r\n\r\n");
    byte[] all = new byte[line.length + length];
    System.arraycopy(line, 0, all, 0, line.length);
    System.arraycopy(body, 0, all, line.length, length);
    out.write(all);
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }

  private Answer answer() throws IOException {
    int status = Integer.parseInt(line().substring(9, 12));
    int length = 0;
    boolean chunked = false;
    for (String header = line(); !header.isEmpty(); header = line()) {
      String lower = header.toLowerCase(Locale.ROOT);
      if (lower.startsWith("content-length:"))
        length = Integer.parseInt(lower.substring(15).trim());
      if (lower.startsWith("transfer-encoding:")) chunked = lower.contains("chunked");
    }
    return new Answer(status, chunked ? chunks() : exactly(length));
  }

  private byte[] chunks() throws IOException {
    ByteArrayOutputStream all = new ByteArrayOutputStream(1 << 14);
    while (true) {
      int length = Integer.parseInt(line(), 16);
      if (length > 0) all.write(exactly(length));
      line();
      if (length == 0) return all.toByteArray();
    }
  }

  private byte[] exactly(int length) throws IOException {
    byte[] body = in.readNBytes(length);
    if (body.length < length) throw new EOFException("the connection broke in a body");
    return body;
  }

  private String line() throws IOException {
    StringBuilder line = new StringBuilder();
    while (true) {
      int c = in.read();
      if (c < 0) throw new EOFException("the connection broke in a head");
      if (c == '\n') return line.toString();
      if (c != '\r') line.append((char) c);
    }
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
