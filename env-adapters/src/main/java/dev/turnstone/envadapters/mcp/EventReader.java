package dev.turnstone.envadapters.mcp;

import java.io.EOFException;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import okio.BufferedSource;

/// Reads server-sent events. Remembers where a broken stream would go on.
///
/// Source: WHATWG HTML, section 9.2, server-sent events.
final class EventReader {
  private final BufferedSource source;
  private final int maxBytes;
  private Optional<String> lastId;
  private Duration retry;

  /// Goes on after what an earlier stream had.
  EventReader(BufferedSource source, int maxBytes, Optional<String> lastId, Duration retry) {
    this.source = source;
    this.maxBytes = maxBytes;
    this.lastId = lastId;
    this.retry = retry;
  }

  /// One event.
  record Event(String name, String data) {}

  /// An event longer than the bound.
  static final class TooLong extends IOException {
    private static final long serialVersionUID = 1;
  }

  /// The next event that has a name or data; empty at the end of the stream.
  Optional<Event> next() throws IOException {
    String name = "";
    StringBuilder data = new StringBuilder();
    boolean any = false;
    while (!source.exhausted()) {
      String line = line();
      if (line.isEmpty()) {
        if (any || !name.isEmpty()) return Optional.of(new Event(name, data.toString()));
        continue;
      }
      int colon = line.indexOf(':');
      String field = colon < 0 ? line : line.substring(0, colon);
      String value = colon < 0 ? "" : line.substring(colon + 1).replaceFirst("^ ", "");
      switch (field) {
        case "event" -> name = value;
        case "data" -> {
          if (any) data.append('\n');
          any = true;
          data.append(value);
          if (data.length() > maxBytes) throw new TooLong();
        }
        case "id" -> lastId = Optional.of(value);
        case "retry" -> retry = milliseconds(value).orElse(retry);
        default -> {}
      }
    }
    return Optional.empty();
  }

  Optional<String> lastId() {
    return lastId;
  }

  Duration retry() {
    return retry;
  }

  private String line() throws IOException {
    try {
      return source.readUtf8LineStrict(maxBytes);
    } catch (EOFException e) {
      if (source.getBuffer().size() >= maxBytes) throw new TooLong();
      throw e;
    }
  }

  private static Optional<Duration> milliseconds(String value) {
    return value.matches("\\d{1,9}")
        ? Optional.of(Duration.ofMillis(Long.parseLong(value)))
        : Optional.empty();
  }
}
