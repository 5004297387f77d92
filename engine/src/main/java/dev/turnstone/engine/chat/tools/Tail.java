package dev.turnstone.engine.chat.tools;

/// Where a growing text is still undecided.
final class Tail {
  private Tail() {}

  /// Where the longest tail begins that is the beginning of `wanted` and not all of it.
  ///
  /// @param from no tail begins before it
  static int partial(CharSequence text, int from, String wanted) {
    int end = text.length();
    for (int at = Math.max(from, end - wanted.length() + 1); at < end; at++)
      if (begins(text, at, wanted)) return at;
    return end;
  }

  /// Whether all text from `at` on is the beginning of `wanted`.
  static boolean begins(CharSequence text, int at, String wanted) {
    int length = text.length() - at;
    if (length > wanted.length()) return false;
    for (int i = 0; i < length; i++) if (text.charAt(at + i) != wanted.charAt(i)) return false;
    return true;
  }

  /// Whether `wanted` stands at `at`.
  static boolean has(CharSequence text, int at, String wanted) {
    return text.length() - at >= wanted.length()
        && begins(text.subSequence(at, at + wanted.length()), 0, wanted);
  }

  static int skipSpace(CharSequence text, int from) {
    int at = from;
    while (at < text.length() && Character.isWhitespace(text.charAt(at))) at++;
    return at;
  }

  static int skipNewlines(CharSequence text, int from) {
    int at = from;
    while (at < text.length() && isNewline(text.charAt(at))) at++;
    return at;
  }

  /// Where the newlines begin that end the text before `end`.
  static int beforeNewlines(CharSequence text, int from, int end) {
    int at = end;
    while (at > from && isNewline(text.charAt(at - 1))) at--;
    return at;
  }

  private static boolean isNewline(char letter) {
    return letter == '\n' || letter == '\r';
  }
}
