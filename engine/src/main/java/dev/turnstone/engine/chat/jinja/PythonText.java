package dev.turnstone.engine.chat.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.IntPredicate;

/// Python's string operations: by code point, with Python's idea of white space.
final class PythonText {
  private PythonText() {}

  static boolean isSpace(int c) {
    return c == ' '
        || (c >= 9 && c <= 13)
        || (c >= 0x1c && c <= 0x1f)
        || c == 0x85
        || c == 0xa0
        || c == 0x1680
        || (c >= 0x2000 && c <= 0x200a)
        || c == 0x2028
        || c == 0x2029
        || c == 0x202f
        || c == 0x205f
        || c == 0x3000;
  }

  static int length(String text) {
    return text.codePointCount(0, text.length());
  }

  /// Orders by code point, not by UTF-16 unit.
  static int compare(String a, String b) {
    for (int i = 0; i < a.length() && i < b.length(); i++) {
      if (a.charAt(i) == b.charAt(i)) continue;
      int start =
          i > 0
                  && Character.isLowSurrogate(a.charAt(i))
                  && Character.isHighSurrogate(a.charAt(i - 1))
              ? i - 1
              : i;
      return Integer.compare(a.codePointAt(start), b.codePointAt(start));
    }
    return Integer.compare(a.length(), b.length());
  }

  static String strip(String text, IntPredicate drop, boolean left, boolean right) {
    int start = 0;
    int end = text.length();
    while (left && start < end && drop.test(text.codePointAt(start)))
      start += Character.charCount(text.codePointAt(start));
    while (right && start < end && drop.test(text.codePointBefore(end)))
      end -= Character.charCount(text.codePointBefore(end));
    return text.substring(start, end);
  }

  static String strip(String text) {
    return strip(text, PythonText::isSpace, true, true);
  }

  static String stripRight(String text) {
    return strip(text, PythonText::isSpace, false, true);
  }

  /// Pieces between white space, at most `cuts` cuts from the left; negative: all.
  static List<String> splitSpace(String text, int cuts) {
    List<String> pieces = new ArrayList<>();
    int at = 0;
    while (true) {
      while (at < text.length() && isSpace(text.charAt(at))) at++;
      if (at == text.length()) return pieces;
      if (cuts >= 0 && pieces.size() == cuts) {
        pieces.add(text.substring(at));
        return pieces;
      }
      int start = at;
      while (at < text.length() && !isSpace(text.charAt(at))) at++;
      pieces.add(text.substring(start, at));
    }
  }

  static List<String> splitSpaceFromRight(String text, int cuts) {
    if (cuts < 0) return splitSpace(text, cuts);
    List<String> pieces = new ArrayList<>();
    int end = text.length();
    while (true) {
      while (end > 0 && isSpace(text.charAt(end - 1))) end--;
      if (end == 0) return pieces;
      if (pieces.size() == cuts) {
        pieces.addFirst(text.substring(0, end));
        return pieces;
      }
      int stop = end;
      while (end > 0 && !isSpace(text.charAt(end - 1))) end--;
      pieces.addFirst(text.substring(end, stop));
    }
  }

  static List<String> split(String text, String separator, int cuts) {
    requireSeparator(separator);
    List<String> pieces = new ArrayList<>();
    int start = 0;
    for (int at = text.indexOf(separator);
        at >= 0 && (cuts < 0 || pieces.size() < cuts);
        at = text.indexOf(separator, start)) {
      pieces.add(text.substring(start, at));
      start = at + separator.length();
    }
    pieces.add(text.substring(start));
    return pieces;
  }

  static List<String> splitFromRight(String text, String separator, int cuts) {
    requireSeparator(separator);
    List<String> pieces = new ArrayList<>();
    int end = text.length();
    while (cuts < 0 || pieces.size() < cuts) {
      int at =
          end < separator.length() ? -1 : text.lastIndexOf(separator, end - separator.length());
      if (at < 0) break;
      pieces.addFirst(text.substring(at + separator.length(), end));
      end = at;
    }
    pieces.addFirst(text.substring(0, end));
    return pieces;
  }

  static void requireSeparator(String separator) {
    if (separator.isEmpty()) throw TemplateException.render("ValueError: empty separator");
  }

  static List<String> lines(String text, boolean keepEnds) {
    List<String> lines = new ArrayList<>();
    int start = 0;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (!((c >= 10 && c <= 13)
          || (c >= 0x1c && c <= 0x1e)
          || c == 0x85
          || c == 0x2028
          || c == 0x2029)) continue;
      int end = i;
      if (c == '\r' && i + 1 < text.length() && text.charAt(i + 1) == '\n') i++;
      lines.add(text.substring(start, keepEnds ? i + 1 : end));
      start = i + 1;
    }
    if (start < text.length()) lines.add(text.substring(start));
    return lines;
  }

  /// Replaces the first `count` occurrences; negative: all. An empty `old` is found around every
  /// character.
  static String replace(String text, String old, String replacement, int count, Budget budget) {
    long worst = text.length();
    if (replacement.length() > old.length())
      worst += (text.length() / Math.max(1, old.length()) + 1L) * replacement.length();
    budget.allocate(worst);
    if (count < 0 && !old.isEmpty()) return text.replace(old, replacement);
    StringBuilder made = new StringBuilder();
    int at = 0;
    int left = count < 0 ? Integer.MAX_VALUE : count;
    for (; left > 0; left--) {
      int found = text.indexOf(old, at);
      if (found < 0) break;
      made.append(text, at, found).append(replacement);
      at = found + old.length();
      if (old.isEmpty()) {
        if (at == text.length()) break;
        int next = at + Character.charCount(text.codePointAt(at));
        made.append(text, at, next);
        at = next;
      }
    }
    return made.append(text, at, text.length()).toString();
  }

  static String upper(String text) {
    return text.toUpperCase(Locale.ROOT);
  }

  static String lower(String text) {
    return text.toLowerCase(Locale.ROOT);
  }

  static String capitalize(String text) {
    if (text.isEmpty()) return text;
    int first = Character.charCount(text.codePointAt(0));
    return titleCase(text.substring(0, first))
        + lower(text).substring(lower(text.substring(0, first)).length());
  }

  private static String titleCase(String letter) {
    String upper = upper(letter);
    // One to many: Python gives the title form, as in ß → Ss.
    if (upper.length() > letter.length()) return upper.substring(0, 1) + lower(upper.substring(1));
    return Character.toString(Character.toTitleCase(letter.codePointAt(0)));
  }

  /// `str.title()`: upper case after anything that is no letter.
  static String title(String text) {
    StringBuilder made = new StringBuilder(text.length());
    boolean inWord = false;
    for (int c : text.codePoints().toArray()) {
      String letter = Character.toString(c);
      made.append(inWord ? lower(letter) : titleCase(letter));
      inWord = isCased(c);
    }
    return made.toString();
  }

  static boolean isCased(int c) {
    return Character.isUpperCase(c) || Character.isLowerCase(c) || Character.isTitleCase(c);
  }

  /// HTML-escaped text, or the text itself if it is marked as safe.
  static String escape(Value.Text text) {
    if (text.safe()) return text.value();
    return text.value()
        .replace("&", "&amp;")
        .replace(">", "&gt;")
        .replace("<", "&lt;")
        .replace("'", "&#39;")
        .replace("\"", "&#34;");
  }
}
