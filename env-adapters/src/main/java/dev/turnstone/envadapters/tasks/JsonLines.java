package dev.turnstone.envadapters.tasks;

import dev.turnstone.envadapters.peer.JsonText;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/// One JSON object a line. Blank lines are passed over.
final class JsonLines {
  private static final int MAX_LINE_BYTES = 64 << 20;

  private JsonLines() {}

  @FunctionalInterface
  interface Bad {
    boolean row(long number, String why) throws IOException;
  }

  static void read(Path path, TaskFile.Rows rows, Bad bad) throws IOException {
    try (InputStream in = new BufferedInputStream(Files.newInputStream(path), 1 << 16)) {
      ByteArrayOutputStream line = new ByteArrayOutputStream();
      boolean more = true;
      for (long number = 1; more; number++) {
        more = fill(in, line);
        if (!take(line, number, rows, bad)) return;
      }
    }
  }

  /// Reads to the end of a line.
  ///
  /// @return whether another may follow
  private static boolean fill(InputStream in, ByteArrayOutputStream line) throws IOException {
    line.reset();
    for (int b = in.read(); b >= 0; b = in.read()) {
      if (b == '\n') return true;
      if (line.size() <= MAX_LINE_BYTES) line.write(b);
    }
    return false;
  }

  private static boolean take(ByteArrayOutputStream line, long number, TaskFile.Rows rows, Bad bad)
      throws IOException {
    if (line.size() > MAX_LINE_BYTES) return bad.row(number, "it is longer than 64 MiB");
    try {
      String text =
          StandardCharsets.UTF_8
              .newDecoder()
              .decode(ByteBuffer.wrap(line.toByteArray()))
              .toString();
      return text.isBlank() || rows.row(number, JsonText.read(text));
    } catch (CharacterCodingException e) {
      return bad.row(number, "it is not UTF-8");
    } catch (JsonText.Unreadable e) {
      return bad.row(number, "it is not JSON: " + e.getMessage());
    }
  }
}
