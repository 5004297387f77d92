package dev.turnstone.upstream.http;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

/// The reply to a call; as a stream, its body. Closed before its end, it closes the connection,
/// which is what tells an engine to stop.
public final class EngineReply extends InputStream {
  private static final int MOST_HEADERS = 200;
  private static final int SHOWN = 200;

  private final EngineCall call;
  private final Connection connection;
  private final int status;
  private final Map<String, String> headers;
  private final boolean chunked;
  private final boolean keepsOpen;

  /// Bytes up to the end of the chunk or of the body; −1 for a body that the connection's end ends.
  private long left;

  private boolean begun;
  private boolean ended;
  private boolean closed;

  private EngineReply(
      EngineCall call,
      Connection connection,
      int status,
      boolean keepsOpen,
      Map<String, String> headers)
      throws IOException {
    this.call = call;
    this.connection = connection;
    this.status = status;
    this.headers = headers;
    boolean bodiless = status == 204 || status == 304;
    this.chunked =
        !bodiless && header("transfer-encoding").toLowerCase(Locale.ROOT).endsWith("chunked");
    this.left = chunked || bodiless ? 0 : length();
    boolean closes = header("connection").toLowerCase(Locale.ROOT).contains("close");
    this.keepsOpen = keepsOpen && !closes && left >= 0;
    this.ended = !chunked && left == 0;
  }

  /// Reads a reply's head.
  static EngineReply read(EngineCall call, Connection connection) throws IOException {
    while (true) {
      String line = connection.line();
      String[] parts = line.split(" ", 3);
      if (parts.length < 2 || !parts[0].startsWith("HTTP/1.") || !parts[1].matches("[1-5]\\d\\d"))
        throw new IOException("it answers what is not HTTP: " + shown(line));
      Map<String, String> headers = headers(connection);
      int status = Integer.parseInt(parts[1]);
      if (status >= 200)
        return new EngineReply(call, connection, status, parts[0].endsWith("1"), headers);
    }
  }

  private static Map<String, String> headers(Connection connection) throws IOException {
    Map<String, String> headers = new HashMap<>();
    for (int i = 0; i < MOST_HEADERS; i++) {
      String line = connection.line();
      if (line.isEmpty()) return headers;
      int colon = line.indexOf(':');
      if (colon < 1) throw new IOException("it answers with a header that is none: " + shown(line));
      String name = line.substring(0, colon).toLowerCase(Locale.ROOT);
      headers.merge(name, line.substring(colon + 1).strip(), (one, more) -> one + ", " + more);
    }
    throw new IOException("it answers with more than %d headers".formatted(MOST_HEADERS));
  }

  /// Two lengths are none: who reads by the other one takes its rest for another reply.
  private long length() throws IOException {
    String length = header("content-length");
    if (length.isEmpty()) return -1;
    if (!length.matches("\\d{1,18}"))
      throw new IOException("it answers with a length of " + shown(length));
    return Long.parseLong(length);
  }

  /// The beginning of what is not HTTP, of which only plain letters may come into a log.
  private static String shown(String line) {
    String plain = line.replaceAll("[^ -~]", "?");
    return plain.length() <= SHOWN ? plain : plain.substring(0, SHOWN) + "…";
  }

  public int status() {
    return status;
  }

  /// The headers of a name in lower case, with commas between; empty if there is none.
  public String header(String name) {
    return headers.getOrDefault(name, "");
  }

  /// The rest of the body.
  ///
  /// @throws IOException also if that is more than `most` bytes
  public byte[] rest(int most) throws IOException {
    byte[] body = readNBytes(most + 1);
    if (body.length > most) throw new IOException("it answers more than %d bytes".formatted(most));
    return body;
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : Byte.toUnsignedInt(one[0]);
  }

  @Override
  public int read(byte[] to, int from, int length) throws IOException {
    if (length == 0) return 0;
    try {
      return some(to, from, length);
    } catch (IOException e) {
      throw call.because(e);
    }
  }

  private int some(byte[] to, int from, int length) throws IOException {
    if (!ended && chunked && left == 0) nextChunk();
    if (ended) return -1;
    int most = left < 0 ? length : (int) Math.min(length, left);
    int count = connection.read(to, from, most);
    if (count < 0 && left >= 0) throw new EOFException("it closed the connection in its reply");
    if (count < 0) ended = true;
    else if (left > 0) left -= count;
    if (!chunked && left == 0) ended = true;
    return count;
  }

  private void nextChunk() throws IOException {
    if (begun && !connection.line().isEmpty()) throw new IOException("its chunk does not end");
    begun = true;
    String line = connection.line();
    int end = line.indexOf(';');
    String size = (end < 0 ? line : line.substring(0, end)).strip();
    try {
      left = Long.parseLong(size, 16);
    } catch (NumberFormatException e) {
      throw new IOException("it answers with a chunk of " + shown(size), e);
    }
    if (left < 0) throw new IOException("it answers with a chunk of " + size);
    if (left > 0) return;
    headers(connection); // trailers, which nobody asked for
    ended = true;
  }

  @Override
  public void close() {
    if (closed) return;
    closed = true;
    call.end(ended && keepsOpen);
  }
}
