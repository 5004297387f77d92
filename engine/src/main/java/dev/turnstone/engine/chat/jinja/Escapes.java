package dev.turnstone.engine.chat.jinja;

/// Reads a quoted string literal, with Python's escapes.
final class Escapes {
  private final String body;
  private final int line;
  private final StringBuilder made = new StringBuilder();
  private int at;

  private Escapes(String body, int line) {
    this.body = body;
    this.line = line;
  }

  static String read(String literal, int line) {
    String body = literal.substring(1, literal.length() - 1);
    return body.indexOf('\\') < 0 ? body : new Escapes(body, line).run();
  }

  private String run() {
    while (at < body.length()) {
      char c = body.charAt(at++);
      if (c == '\\') escape(body.codePointAt(at));
      else made.append(c);
    }
    return made.toString();
  }

  private void escape(int c) {
    at += Character.charCount(c);
    switch (c) {
      case 'n' -> made.append('\n');
      case 't' -> made.append('\t');
      case 'r' -> made.append('\r');
      case 'b' -> made.append('\b');
      case 'f' -> made.append('\f');
      case 'v' -> made.append('\u000b');
      case 'a' -> made.append('\u0007');
      case '\\', '\'', '"' -> made.appendCodePoint(c);
      case '\n' -> {}
      case 'x' -> hex(2);
      case 'u' -> hex(4);
      case 'U' -> hex(8);
      case 'N' -> name();
      case '0', '1', '2', '3', '4', '5', '6', '7' -> octal();
      default -> {
        made.append('\\');
        // jinja2 escapes what is not ASCII before it reads escapes, so the backslash is used up
        // there.
        if (c < 128) made.appendCodePoint(c);
        else made.append(String.format(c < 0x100 ? "x%02x" : c < 0x10000 ? "u%04x" : "U%08x", c));
      }
    }
  }

  private void hex(int digits) {
    int end = at + digits;
    if (end > body.length() || !body.substring(at, end).matches("[0-9a-fA-F]+"))
      throw TemplateException.syntax(line, "truncated escape in a string");
    long code = Long.parseLong(body, at, end, 16);
    if (code > Character.MAX_CODE_POINT)
      throw TemplateException.syntax(line, "illegal character in a string");
    made.appendCodePoint((int) code);
    at = end;
  }

  private void octal() {
    at--;
    int code = 0;
    for (int i = 0; i < 3 && at < body.length() && Character.digit(body.charAt(at), 8) >= 0; i++)
      code = code * 8 + Character.digit(body.charAt(at++), 8);
    made.append((char) code);
  }

  private void name() {
    int end = body.indexOf('}', at);
    if (at >= body.length() || body.charAt(at) != '{' || end < 0)
      throw TemplateException.syntax(line, "malformed \\N escape in a string");
    try {
      made.appendCodePoint(Character.codePointOf(body.substring(at + 1, end)));
    } catch (IllegalArgumentException _) {
      throw TemplateException.syntax(
          line, "unknown character name '" + body.substring(at + 1, end) + "'");
    }
    at = end + 1;
  }
}
