package dev.turnstone.engine.chat.tools;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// A place in the text of a turn that moves forward as steps are read. Used by one thread.
final class Cursor {
  private static final int EXCERPT = 40;

  private final String text;
  private int at;

  Cursor(String text, int at) {
    this.text = text;
    this.at = at;
  }

  String text() {
    return text;
  }

  int at() {
    return at;
  }

  void moveTo(int place) {
    at = place;
  }

  boolean atEnd() {
    return at == text.length();
  }

  void skipSpace() {
    at = Tail.skipSpace(text, at);
  }

  boolean has(String wanted) {
    return text.startsWith(wanted, at);
  }

  /// Steps over `wanted`, if it is here.
  boolean take(String wanted) {
    if (!has(wanted)) return false;
    at += wanted.length();
    return true;
  }

  /// Steps over what is left, if it is the beginning of `wanted`, perhaps none of it.
  boolean takeCutOff(String wanted) {
    if (!Tail.begins(text, at, wanted)) return false;
    at = text.length();
    return true;
  }

  void expect(String wanted, String after) throws Unreadable {
    if (!take(wanted))
      throw new Unreadable("expected " + wanted + " after " + after + ", got " + excerpt());
  }

  /// The text up to `end`, which is stepped over.
  String until(String end, String what) throws Unreadable {
    int found = text.indexOf(end, at);
    if (found < 0) throw new Unreadable(what + " does not end with " + end);
    String read = text.substring(at, found);
    at = found + end.length();
    return read;
  }

  /// Matches a pattern here and steps over what it matched.
  Matcher match(Pattern pattern, String what) throws Unreadable {
    Matcher matcher = pattern.matcher(text).region(at, text.length());
    if (!matcher.lookingAt()) throw new Unreadable("expected " + what + ", got " + excerpt());
    at = matcher.end();
    return matcher;
  }

  char peek() {
    return atEnd() ? '\0' : text.charAt(at);
  }

  char next() throws Unreadable {
    if (atEnd()) throw new Unreadable("the call is cut off");
    return text.charAt(at++);
  }

  /// The first characters from here on, for an error.
  String excerpt() {
    String rest = text.substring(at, Math.min(text.length(), at + 2 * EXCERPT)).strip();
    rest = rest.lines().findFirst().orElse("");
    return rest.isEmpty()
        ? "nothing"
        : rest.length() <= EXCERPT ? rest : rest.substring(0, EXCERPT) + "…";
  }
}
