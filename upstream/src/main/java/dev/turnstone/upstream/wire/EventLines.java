package dev.turnstone.upstream.wire;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.upstream.wire.EngineFault.Kind;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import okhttp3.Call;
import okhttp3.Response;
import okio.BufferedSource;

/// The server-sent events of one reply. Read by one thread; closing it closes the connection, which
/// is what tells an engine to stop, unless the reply was read to its end.
public final class EventLines implements AutoCloseable {
  private static final byte NEWLINE = '\n';
  private static final byte[] DATA = "data:".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] DONE = "[DONE]".getBytes(StandardCharsets.US_ASCII);
  private static final long MAX_LINE = 64L << 20;

  /// Bytes after the last event that are worth reading to keep a connection.
  private static final long MAX_TAIL = 4096;

  private final Call call;
  private final Response response;
  private final BufferedSource source;
  private boolean ended;

  private EventLines(Call call, Response response) {
    this.call = call;
    this.response = response;
    source = response.body().source();
  }

  /// Sends the request and reads the reply's head.
  ///
  /// @throws EngineFault if it does not begin a stream of events
  public static EventLines open(Call call) throws EngineFault, InterruptedException {
    try {
      Response response = call.execute();
      try {
        check(response);
        return new EventLines(call, response);
      } catch (EngineFault | IOException | RuntimeException e) {
        response.close();
        throw e;
      }
    } catch (IOException e) {
      throw EngineHttp.gone(e);
    }
  }

  private static void check(Response response) throws EngineFault, IOException {
    EngineHttp.checkRedirect(response);
    int status = response.code();
    if (status == 200) {
      String type = response.header("Content-Type", "");
      if (type != null && type.startsWith("text/event-stream")) return;
      throw EngineFault.broken(
          "it answers %s instead of a stream of events: %s"
              .formatted(type, EngineHttp.excerpt(response.peekBody(4096).string())));
    }
    String said =
        "it answers %d: %s".formatted(status, EngineHttp.excerpt(response.peekBody(4096).string()));
    if (status == 429 || status == 503) throw new EngineFault(Kind.BUSY, said);
    if (status == 401 || status == 403 || status == 404 || status == 405)
      throw EngineFault.broken(said);
    throw new EngineFault(status / 100 == 4 ? Kind.REFUSED : Kind.GONE, said);
  }

  /// The next event; empty at the end of the reply.
  public Optional<JsonNode> next() throws EngineFault, InterruptedException {
    try {
      while (true) {
        long length = source.indexOf(NEWLINE, 0, MAX_LINE);
        if (length < 0) {
          ended = source.exhausted();
          return Optional.empty();
        }
        byte[] line = source.readByteArray(length + 1);
        int from = data(line);
        if (from < 0) continue;
        if (begins(line, from, DONE)) {
          ended = drained();
          return Optional.empty();
        }
        return Optional.of(parse(line, from));
      }
    } catch (IOException e) {
      throw EngineHttp.gone(e);
    }
  }

  /// Reads the empty line and the end of the body that follow, which lets the connection be used
  /// again.
  private boolean drained() throws IOException {
    long skipped = 0;
    while (!source.exhausted()) {
      long more = source.getBuffer().size();
      source.skip(more);
      skipped += more;
      if (skipped > MAX_TAIL) return false;
    }
    return true;
  }

  private static JsonNode parse(byte[] line, int from) throws IOException, EngineFault {
    try {
      JsonNode event = EngineHttp.JSON.readTree(line, from, line.length - from);
      if (event.path("error").isMissingNode() || event.path("error").isNull()) return event;
      throw new EngineFault(
          Kind.GONE, "it gives up: " + EngineHttp.excerpt(event.path("error").toString()));
    } catch (JsonProcessingException e) {
      throw EngineFault.broken(
          "it streams what is not JSON: "
              + EngineHttp.excerpt(new String(line, StandardCharsets.UTF_8)));
    }
  }

  /// Where a line's data begins; −1 if it has none.
  private static int data(byte[] line) {
    if (!begins(line, 0, DATA)) return -1;
    return line[DATA.length] == ' ' ? DATA.length + 1 : DATA.length;
  }

  private static boolean begins(byte[] line, int from, byte[] word) {
    if (line.length - from < word.length) return false;
    for (int i = 0; i < word.length; i++) if (line[from + i] != word[i]) return false;
    return true;
  }

  @Override
  public void close() {
    if (!ended) call.cancel();
    response.close();
  }
}
