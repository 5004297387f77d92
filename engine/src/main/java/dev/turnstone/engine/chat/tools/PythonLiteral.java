package dev.turnstone.engine.chat.tools;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/// Values as Python writes them, read as JSON. Nothing is evaluated.
final class PythonLiteral {
  private static final Pattern NUMBER =
      Pattern.compile("[+-]?(?:\\d[\\d_]*(?:\\.\\d*)?|\\.\\d+)(?:[eE][+-]?\\d{1,4})?");
  static final Pattern WORD = Pattern.compile("\\w+");
  private static final Map<String, String> WORDS =
      Map.of(
          "True", "true", "true", "true", "False", "false", "false", "false", "None", "null",
          "null", "null");
  private static final int DEPTH = 100;

  private PythonLiteral() {}

  /// Reads the value at the cursor, after white space.
  static String read(Cursor cursor) throws Unreadable {
    return read(cursor, 0);
  }

  private static String read(Cursor cursor, int depth) throws Unreadable {
    if (depth > DEPTH) throw new Unreadable("values are nested more than " + DEPTH + " deep");
    cursor.skipSpace();
    char first = cursor.peek();
    return switch (first) {
      case '\'', '"' -> strings(cursor);
      case '[' -> list(cursor, "]", depth);
      case '(' -> list(cursor, ")", depth);
      case '{' -> dict(cursor, depth);
      default -> Character.isLetter(first) ? word(cursor) : number(cursor);
    };
  }

  /// Strings in a row are one string.
  private static String strings(Cursor cursor) throws Unreadable {
    StringBuilder text = new StringBuilder();
    while (cursor.peek() == '\'' || cursor.peek() == '"') {
      PythonString.read(cursor, text);
      cursor.skipSpace();
    }
    return ArgumentText.quote(text.toString());
  }

  private static String list(Cursor cursor, String end, int depth) throws Unreadable {
    cursor.next();
    List<String> values = new ArrayList<>();
    while (!closed(cursor, end, !values.isEmpty())) values.add(read(cursor, depth + 1));
    return "[" + String.join(", ", values) + "]";
  }

  private static String dict(Cursor cursor, int depth) throws Unreadable {
    cursor.next();
    ArgumentText entries = new ArgumentText();
    boolean more = false;
    while (!closed(cursor, "}", more)) {
      cursor.skipSpace();
      StringBuilder key = new StringBuilder();
      PythonString.read(cursor, key);
      cursor.skipSpace();
      cursor.expect(":", "a key");
      entries.put(key.toString(), read(cursor, depth + 1));
      more = true;
    }
    return entries.json().text();
  }

  /// Steps over the end, or over the comma between two values.
  private static boolean closed(Cursor cursor, String end, boolean more) throws Unreadable {
    cursor.skipSpace();
    if (cursor.take(end)) return true;
    if (more) {
      cursor.expect(",", "a value");
      cursor.skipSpace();
      return cursor.take(end);
    }
    return false;
  }

  private static String word(Cursor cursor) throws Unreadable {
    String word = cursor.match(WORD, "a value").group();
    String json = WORDS.get(word);
    if (json == null) throw new Unreadable("expected a Python literal, got " + word);
    return json;
  }

  private static String number(Cursor cursor) throws Unreadable {
    String number = cursor.match(NUMBER, "a Python literal").group().replace("_", "");
    if (CallJson.isValue(number)) return number;
    return number.matches("[+-]?\\d+")
        ? new BigInteger(number).toString()
        : new BigDecimal(number).toString();
  }
}
