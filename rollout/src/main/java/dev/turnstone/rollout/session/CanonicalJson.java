package dev.turnstone.rollout.session;

import java.util.HexFormat;

/// JSON without what writers choose freely: white space between tokens, and which letters of a
/// string are escaped. The order of members is kept. What is not JSON stays as it is, more or less.
final class CanonicalJson {
  private CanonicalJson() {}

  static String of(String json) {
    StringBuilder out = new StringBuilder(json.length());
    boolean inString = false;
    for (int i = 0; i < json.length(); i++) {
      char letter = json.charAt(i);
      if (inString && letter == '\\' && i + 1 < json.length()) {
        i = escaped(json, i + 1, out);
        continue;
      }
      if (letter == '"') inString = !inString;
      if (inString || !Character.isWhitespace(letter)) out.append(letter);
    }
    return out.toString();
  }

  /// Writes the letter that an escape stands for, escaped only where it must be.
  ///
  /// @param at of the letter after the backslash
  /// @return where the escape ends
  private static int escaped(String json, int at, StringBuilder out) {
    char letter = json.charAt(at);
    switch (letter) {
      case '/' -> out.append('/');
      case 'u' -> {
        if (at + 4 < json.length() && isHex(json, at + 1)) {
          plain((char) HexFormat.fromHexDigits(json, at + 1, at + 5), out);
          return at + 4;
        }
        out.append("\\u");
      }
      default -> out.append('\\').append(letter);
    }
    return at;
  }

  private static void plain(char letter, StringBuilder out) {
    switch (letter) {
      case '"', '\\' -> out.append('\\').append(letter);
      case '\n' -> out.append("\\n");
      case '\r' -> out.append("\\r");
      case '\t' -> out.append("\\t");
      case '\b' -> out.append("\\b");
      case '\f' -> out.append("\\f");
      default -> out.append(letter);
    }
  }

  private static boolean isHex(String json, int from) {
    for (int i = from; i < from + 4; i++) if (!HexFormat.isHexDigit(json.charAt(i))) return false;
    return true;
  }
}
