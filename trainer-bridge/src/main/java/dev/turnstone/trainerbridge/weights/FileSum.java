package dev.turnstone.trainerbridge.weights;

import dev.turnstone.trainerbridge.json.JsonText;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.util.HexFormat;

/// The sha256 of a file's bytes.
final class FileSum {
  /// Fits the processor's cache, through which the mapped bytes go to the digest.
  private static final int PIECE = 1 << 16;

  private FileSum() {}

  static String sha256(Path file) throws IOException {
    MessageDigest digest = JsonText.newSha256();
    byte[] piece = new byte[PIECE];
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ);
        Arena arena = Arena.ofConfined()) {
      MemorySegment bytes = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
      for (long at = 0; at < bytes.byteSize(); at += PIECE) {
        int some = (int) Math.min(PIECE, bytes.byteSize() - at);
        MemorySegment.copy(bytes, ValueLayout.JAVA_BYTE, at, piece, 0, some);
        digest.update(piece, 0, some);
      }
    }
    return HexFormat.of().formatHex(digest.digest());
  }
}
