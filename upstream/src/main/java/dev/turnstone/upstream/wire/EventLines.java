package dev.turnstone.upstream.wire;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.upstream.http.EngineCall;
import dev.turnstone.upstream.http.EngineReply;
import dev.turnstone.upstream.wire.EngineFault.Kind;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Optional;

/// The server-sent events of one reply. Read by one thread; closing it closes the connection, which
/// is what tells an engine to stop, unless the reply was read to its end.
public final class EventLines implements AutoCloseable {
  private static final byte NEWLINE = '\n';
  private static final byte[] DATA = "data:".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] DONE = "[DONE]".getBytes(StandardCharsets.US_ASCII);
  private static final int MAX_LINE = 64 << 20;

  /// Bytes after the last event that are worth reading to keep a connection.
  private static final int MAX_TAIL = 4096;

  private static final int SHOWN = 4096;

  private final EngineReply reply;
  private byte[] buffer = new byte[8 << 10];
  private int from;
  private int to;

  private EventLines(EngineReply reply) {
    this.reply = reply;
  }

  /// Sends the request and reads the reply's head.
  ///
  /// @throws EngineFault if it does not begin a stream of events
  public static EventLines open(EngineCall call) throws EngineFault, InterruptedException {
    try {
      EngineReply reply = call.send();
      try {
        check(reply);
        return new EventLines(reply);
      } catch (EngineFault | IOException | RuntimeException e) {
        reply.close();
        throw e;
      }
    } catch (IOException e) {
      throw EngineHttp.gone(e);
    }
  }

  private static void check(EngineReply reply) throws EngineFault, IOException {
    EngineHttp.checkRedirect(reply);
    int status = reply.status();
    String type = EngineHttp.excerpt(reply.header("content-type"));
    if (status == 200 && type.startsWith("text/event-stream")) return;
    String shown = EngineHttp.excerpt(new String(reply.readNBytes(SHOWN), StandardCharsets.UTF_8));
    if (status == 200)
      throw EngineFault.broken(
          "it answers %s instead of a stream of events: %s".formatted(type, shown));
    String said = "it answers %d: %s".formatted(status, shown);
    if (status == 429 || status == 503) throw new EngineFault(Kind.BUSY, said);
    if (status == 401 || status == 403 || status == 404 || status == 405)
      throw EngineFault.broken(said);
    throw new EngineFault(status / 100 == 4 ? Kind.REFUSED : Kind.GONE, said);
  }

  /// The next event; empty at the end of the reply.
  public Optional<JsonNode> next() throws EngineFault, InterruptedException {
    try {
      for (int end = lineEnd(); end >= 0; end = lineEnd()) {
        int begin = from;
        from = end + 1;
        if (!begins(begin, end, DATA)) continue;
        int data = begin + DATA.length;
        if (data < end && buffer[data] == ' ') data++;
        if (!begins(data, end, DONE)) return Optional.of(parse(data, end));
        drain();
        return Optional.empty();
      }
      return Optional.empty();
    } catch (IOException e) {
      throw EngineHttp.gone(e);
    }
  }

  /// Where the line ends that begins at [#from]; −1 if the reply ends before it does.
  private int lineEnd() throws IOException {
    int at = from;
    while (true) {
      for (; at < to; at++) if (buffer[at] == NEWLINE) return at;
      at -= from;
      if (!fill()) return -1;
      at += from;
    }
  }

  /// Reads on; what was not read of the line before stays.
  private boolean fill() throws IOException {
    if (from > 0) {
      System.arraycopy(buffer, from, buffer, 0, to - from);
      to -= from;
      from = 0;
    }
    if (to >= MAX_LINE) throw new IOException("it sends an event of %d bytes".formatted(to));
    if (to == buffer.length) buffer = Arrays.copyOf(buffer, 2 * to);
    int count = reply.read(buffer, to, buffer.length - to);
    if (count > 0) to += count;
    return count > 0;
  }

  /// Reads the empty line and the end of the body that follow, which lets the connection be used
  /// again.
  private void drain() throws IOException {
    for (int left = MAX_TAIL; left > 0; ) {
      int count = reply.read(buffer, 0, Math.min(left, buffer.length));
      if (count < 0) return;
      left -= count;
    }
  }

  private JsonNode parse(int begin, int end) throws IOException, EngineFault {
    try {
      JsonNode event = EngineHttp.JSON.readTree(buffer, begin, end - begin);
      if (event.path("error").isMissingNode() || event.path("error").isNull()) return event;
      throw new EngineFault(
          Kind.GONE, "it gives up: " + EngineHttp.excerpt(event.path("error").toString()));
    } catch (JsonProcessingException e) {
      throw EngineFault.broken(
          "it streams what is not JSON: "
              + EngineHttp.excerpt(new String(buffer, begin, end - begin, StandardCharsets.UTF_8)));
    }
  }

  private boolean begins(int begin, int end, byte[] word) {
    return end - begin >= word.length
        && Arrays.equals(buffer, begin, begin + word.length, word, 0, word.length);
  }

  @Override
  public void close() {
    reply.close();
  }
}
