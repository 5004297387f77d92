package dev.turnstone.engine.chat;

import java.util.BitSet;

/// A rendered conversation that knows where a token's name is only text.
///
/// @param text exactly what the template renders
/// @param quoted places, in UTF-16 units, at which no control token begins, because what stands
///   there came from a message
record PromptText(String text, BitSet quoted) {
  /// A text in which every name of a token means the token.
  static PromptText plain(String text) {
    return new PromptText(text, new BitSet());
  }

  /// Takes the marks out of a text; each says that the unit before it is quoted.
  static PromptText unmarked(String marked, String mark) {
    StringBuilder text = new StringBuilder(marked.length());
    BitSet quoted = new BitSet();
    int start = 0;
    for (int at = marked.indexOf(mark); at >= 0; at = marked.indexOf(mark, start)) {
      text.append(marked, start, at);
      if (!text.isEmpty()) quoted.set(text.length() - 1);
      start = at + mark.length();
    }
    return new PromptText(text.append(marked, start, marked.length()).toString(), quoted);
  }

  /// The text up to a place.
  PromptText upTo(int end) {
    return new PromptText(text.substring(0, end), quoted.get(0, end));
  }

  /// The text from a place on.
  PromptText from(int start) {
    return new PromptText(text.substring(start), quoted.get(start, Math.max(start, text.length())));
  }
}
