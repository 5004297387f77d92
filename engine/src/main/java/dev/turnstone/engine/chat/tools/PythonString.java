package dev.turnstone.engine.chat.tools;

/// String literals of Python: either quote, once or three times, with escapes.
final class PythonString {
  private PythonString() {}

  /// Reads the literal at the cursor.
  static void read(Cursor cursor, StringBuilder out) throws Unreadable {
    char quote = cursor.peek();
    if (quote != '\'' && quote != '"')
      throw new Unreadable("expected a string, got " + cursor.excerpt());
    String end = Character.toString(quote);
    if (cursor.has(end.repeat(3))) end = end.repeat(3);
    cursor.take(end);
    while (!cursor.take(end)) {
      char letter = cursor.next();
      if (letter == '\\') escaped(cursor, out);
      else out.append(letter);
    }
  }

  private static void escaped(Cursor cursor, StringBuilder out) throws Unreadable {
    char letter = cursor.next();
    switch (letter) {
      case 'n' -> out.append('\n');
      case 't' -> out.append('\t');
      case 'r' -> out.append('\r');
      case 'b' -> out.append('\b');
      case 'f' -> out.append('\f');
      case '0' -> out.append('\0');
      case '\n' -> {}
      case '\\', '\'', '"' -> out.append(letter);
      case 'x' -> out.appendCodePoint(hex(cursor, 2));
      case 'u' -> out.appendCodePoint(hex(cursor, 4));
      case 'U' -> out.appendCodePoint(hex(cursor, 8));
      default -> out.append('\\').append(letter);
    }
  }

  private static int hex(Cursor cursor, int digits) throws Unreadable {
    StringBuilder read = new StringBuilder();
    for (int i = 0; i < digits; i++) read.append(cursor.next());
    try {
      int point = Integer.parseUnsignedInt(read.toString(), 16);
      if (Character.isValidCodePoint(point)) return point;
    } catch (NumberFormatException _) {
      // told below
    }
    throw new Unreadable("no character has the code " + read);
  }
}
