package dev.turnstone.engine.chat;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/// The text of tokens while they arrive, in whole characters only.
///
/// Everything that [#feed] and [#finish] return, joined, is what [Tokenizer#decode] gives for all
/// ids. One per text; not for several threads at once.
public final class IncrementalText {
  private final Tokenizer tokenizer;
  private final CharsetDecoder utf8 =
      StandardCharsets.UTF_8
          .newDecoder()
          .onMalformedInput(CodingErrorAction.REPLACE)
          .onUnmappableCharacter(CodingErrorAction.REPLACE);
  private ByteBuffer pending = ByteBuffer.allocate(64).limit(0);
  private boolean atStart = true;

  public IncrementalText(Tokenizer tokenizer) {
    this.tokenizer = tokenizer;
  }

  /// Takes a token and returns the characters that are complete now, perhaps none.
  public String feed(int id) {
    byte[] bytes = tokenizer.bytes(id);
    if (bytes.length == 0) return "";
    boolean drop = atStart && tokenizer.dropsLeadingSpace() && bytes[0] == ' ';
    atStart = false;
    append(bytes, drop ? 1 : 0);
    return decode(false);
  }

  /// The rest: U+FFFD if the last character was cut.
  public String finish() {
    String rest = decode(true);
    utf8.reset();
    return rest;
  }

  private void append(byte[] bytes, int from) {
    int length = bytes.length - from;
    if (pending.capacity() < pending.remaining() + length)
      pending = ByteBuffer.allocate(2 * (pending.remaining() + length)).put(pending).flip();
    pending.compact().put(bytes, from, length).flip();
  }

  private String decode(boolean end) {
    // A byte gives at most one char, or one replacement.
    CharBuffer made = CharBuffer.allocate(pending.remaining() + 1);
    utf8.decode(pending, made, end);
    if (end) utf8.flush(made);
    return made.flip().toString();
  }
}
