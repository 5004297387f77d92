package dev.turnstone.engine.chat;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/// GPT-2's printable stand-ins for bytes: printable Latin-1 stands for itself, the rest for U+0100
/// on.
final class ByteLevel {
  private static final int[] BYTE_OF = new int[0x200];

  static {
    int next = 0x100;
    for (int b = 0; b < 256; b++) {
      boolean itself = (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
      BYTE_OF[itself ? b : next++] = b + 1;
    }
  }

  private ByteLevel() {}

  /// The bytes of a token as the vocabulary writes it.
  static byte[] bytes(String token) {
    var bytes = new ByteArrayOutputStream();
    token
        .codePoints()
        .forEach(c -> {
          if (c < BYTE_OF.length && BYTE_OF[c] > 0) bytes.write(BYTE_OF[c] - 1);
          else bytes.writeBytes(Character.toString(c).getBytes(StandardCharsets.UTF_8));
        });
    return bytes.toByteArray();
  }
}
