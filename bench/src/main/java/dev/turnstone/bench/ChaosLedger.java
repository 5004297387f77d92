package dev.turnstone.bench;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;

/// A consumer's checkpoint: one line per group in the order of arrival, synced before it counts. A
/// line that a kill cut off is no line.
final class ChaosLedger {
  private final Path file;

  ChaosLedger(Path file) {
    this.file = file;
  }

  /// One group of the feed.
  record Line(long seq, String group, String fate) {}

  List<Line> read() throws IOException {
    List<Line> lines = new ArrayList<>();
    if (!Files.exists(file)) return lines;
    String text = Files.readString(file);
    for (String line : text.substring(0, text.lastIndexOf('\n') + 1).lines().toList()) {
      String[] words = line.split(" ", -1);
      lines.add(new Line(Long.parseLong(words[0]), words[1], words[2]));
    }
    return lines;
  }

  /// Forgets a line that was cut off.
  void repair() throws IOException {
    if (!Files.exists(file)) return;
    byte[] bytes = Files.readAllBytes(file);
    int end = bytes.length;
    while (end > 0 && bytes[end - 1] != '\n') end--;
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      channel.truncate(end);
    }
  }

  void append(List<Line> lines) throws IOException {
    StringBuilder text = new StringBuilder();
    for (Line line : lines)
      text.append("%d %s %s%n".formatted(line.seq(), line.group(), line.fate()));
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.APPEND)) {
      ByteBuffer bytes = ByteBuffer.wrap(text.toString().getBytes(StandardCharsets.UTF_8));
      while (bytes.hasRemaining()) channel.write(bytes);
      channel.force(true);
    }
  }
}
