package dev.turnstone.engine.chat.jinja;

import dev.turnstone.engine.chat.jinja.Token.Kind;
import java.math.BigInteger;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Cuts a template's source into tokens, with `trim_blocks` and `lstrip_blocks` on: the newline
/// after a block tag and the white space before it on its line are dropped.
final class Lexer {
  private static final Pattern NEWLINE = Pattern.compile("\r\n|\r");
  private static final Pattern TAG = Pattern.compile("\\{([%{#])([-+]?)");
  private static final Pattern RAW =
      Pattern.compile("\\{%([-+]?)\\s*raw\\s*(?:-%\\}\\s*|%\\})", Pattern.UNICODE_CHARACTER_CLASS);
  private static final Pattern END_RAW =
      Pattern.compile(
          "\\{%([-+]?)\\s*endraw\\s*(?:\\+%\\}|-%\\}\\s*|%\\}\n?)",
          Pattern.UNICODE_CHARACTER_CLASS);
  private static final Pattern END_COMMENT =
      Pattern.compile("\\+#\\}|-#\\}\\s*|#\\}\n?", Pattern.UNICODE_CHARACTER_CLASS);
  private static final Pattern END_BLOCK =
      Pattern.compile("\\+%\\}|-%\\}\\s*|%\\}\n?", Pattern.UNICODE_CHARACTER_CLASS);
  private static final Pattern END_VARIABLE =
      Pattern.compile("-\\}\\}\\s*|\\}\\}", Pattern.UNICODE_CHARACTER_CLASS);
  private static final Pattern FLOAT =
      Pattern.compile(
          "(?<!\\.)(\\d+_)*\\d+((\\.(\\d+_)*\\d+)?[eE][+-]?(\\d+_)*\\d+|\\.(\\d+_)*\\d+)");
  private static final Pattern INTEGER =
      Pattern.compile("0[bB](_?[01])+|0[oO](_?[0-7])+|0[xX](_?[0-9a-fA-F])+|[1-9](_?\\d)*|0(_?0)*");
  private static final Pattern NAME = Pattern.compile("\\w+", Pattern.UNICODE_CHARACTER_CLASS);
  private static final Pattern STRING =
      Pattern.compile(
          "'[^'\\\\]*+(?:\\\\.[^'\\\\]*+)*+'|\"[^\"\\\\]*+(?:\\\\.[^\"\\\\]*+)*+\"",
          Pattern.DOTALL);
  private static final Pattern OPERATOR =
      Pattern.compile("//|\\*\\*|==|!=|>=|<=|[-+/*%~\\[\\](){}><=.:|,;]");
  private static final Pattern REAL =
      Pattern.compile(
          "[-+]?(?:\\d+(?:_\\d+)*\\.?(?:\\d+(?:_\\d+)*)?|\\.\\d+(?:_\\d+)*)(?:[eE][-+]?\\d+(?:_\\d+)*)?");

  private final String source;
  private final List<Token> tokens = new ArrayList<>();
  private int at;
  private int line = 1;
  private boolean lineStart = true;

  private Lexer(String source) {
    this.source = source;
  }

  static List<Token> tokens(String source) {
    String normal = NEWLINE.matcher(source).replaceAll("\n");
    if (normal.endsWith("\n")) normal = normal.substring(0, normal.length() - 1);
    var lexer = new Lexer(normal);
    lexer.root();
    return lexer.tokens;
  }

  private void root() {
    Matcher tag = TAG.matcher(source);
    while (at < source.length()) {
      if (!tag.find(at)) {
        data(source.substring(at));
        at = source.length();
        break;
      }
      String before = source.substring(at, tag.start());
      char kind = tag.group(1).charAt(0);
      data(stripped(before, tag.group(2), kind != '{'));
      advance(tag.start());
      if (kind == '#') comment(tag.end());
      else if (kind == '%' && RAW.matcher(source).region(at, source.length()).lookingAt()) raw();
      else inside(tag.end(), kind == '%');
    }
    tokens.add(new Token(Kind.END, "", line));
  }

  private void data(String text) {
    if (!text.isEmpty()) tokens.add(new Token(Kind.DATA, text, line));
  }

  /// The text before a tag, without the white space that the tag's sign or `lstrip_blocks` drops.
  private String stripped(String text, String sign, boolean block) {
    if (sign.equals("-")) return PythonText.stripRight(text);
    if (sign.equals("+") || !block) return text;
    int start = text.lastIndexOf('\n') + 1;
    boolean atLineStart = start > 0 || lineStart;
    boolean blank = text.substring(start).chars().allMatch(PythonText::isSpace);
    return atLineStart && blank ? text.substring(0, start) : text;
  }

  /// Moves to `end`, counting lines.
  private void advance(int end) {
    for (int i = at; i < end; i++) if (source.charAt(i) == '\n') line++;
    if (end > at) lineStart = source.charAt(end - 1) == '\n';
    at = end;
  }

  private void comment(int bodyStart) {
    Matcher end = END_COMMENT.matcher(source);
    if (!end.find(bodyStart)) throw TemplateException.syntax(line, "missing end of comment");
    advance(end.end());
  }

  private void raw() {
    Matcher begin = RAW.matcher(source).region(at, source.length());
    if (!begin.lookingAt()) throw new AssertionError("not at a raw tag");
    int opened = line;
    advance(begin.end());
    Matcher end = END_RAW.matcher(source);
    if (!end.find(at)) throw TemplateException.syntax(opened, "missing end of raw");
    data(stripped(source.substring(at, end.start()), end.group(1), true));
    advance(end.end());
  }

  /// The tokens between `{%` and `%}` or `{{` and `}}`.
  private void inside(int start, boolean block) {
    tokens.add(new Token(block ? Kind.BLOCK_BEGIN : Kind.VARIABLE_BEGIN, "", line));
    int opened = line;
    advance(start);
    Matcher end = (block ? END_BLOCK : END_VARIABLE).matcher(source);
    Deque<Character> open = new ArrayDeque<>();
    while (at < source.length()) {
      if (open.isEmpty() && end.region(at, source.length()).lookingAt()) {
        tokens.add(new Token(block ? Kind.BLOCK_END : Kind.VARIABLE_END, "", line));
        advance(end.end());
        return;
      }
      if (PythonText.isSpace(source.charAt(at))) advance(at + 1);
      else token(open);
    }
    throw TemplateException.syntax(opened, "missing end of tag");
  }

  private void token(Deque<Character> open) {
    if (accept(FLOAT, Kind.FLOAT) || accept(INTEGER, Kind.INTEGER)) return;
    if (accept(NAME, Kind.NAME)) {
      if (!isIdentifier(tokens.getLast().text()))
        throw TemplateException.syntax(line, "invalid name '" + tokens.getLast().text() + "'");
      return;
    }
    if (accept(STRING, Kind.STRING)) return;
    if (!accept(OPERATOR, Kind.OPERATOR))
      throw TemplateException.syntax(
          line, "unexpected character '" + Character.toString(source.codePointAt(at)) + "'");
    balance(tokens.getLast().text().charAt(0), open);
  }

  private boolean accept(Pattern pattern, Kind kind) {
    Matcher match = pattern.matcher(source).region(at, source.length()).useTransparentBounds(true);
    if (!match.lookingAt()) return false;
    String text = kind == Kind.STRING ? Escapes.read(match.group(), line) : match.group();
    tokens.add(new Token(kind, text, line));
    advance(match.end());
    return true;
  }

  private void balance(char bracket, Deque<Character> open) {
    switch (bracket) {
      case '(' -> open.push(')');
      case '[' -> open.push(']');
      case '{' -> open.push('}');
      case ')', ']', '}' -> {
        if (open.isEmpty() || open.pop() != bracket)
          throw TemplateException.syntax(line, "unexpected '" + bracket + "'");
      }
      default -> {}
    }
  }

  static boolean isIdentifier(String text) {
    return !text.isEmpty()
        && (text.charAt(0) == '_' || Character.isUnicodeIdentifierStart(text.codePointAt(0)))
        && text.codePoints().allMatch(c -> c == '_' || Character.isUnicodeIdentifierPart(c));
  }

  /// A whole number as Python's `int(text, base)` reads it; base 0 takes it from the prefix.
  static Optional<BigInteger> wholeNumber(String text, int base) {
    boolean negative = text.startsWith("-");
    String digits = negative || text.startsWith("+") ? text.substring(1) : text;
    int radix = base;
    if (digits.length() > 1 && digits.charAt(0) == '0') {
      int prefixed =
          switch (digits.charAt(1)) {
            case 'x', 'X' -> 16;
            case 'o', 'O' -> 8;
            case 'b', 'B' -> 2;
            default -> 0;
          };
      if (prefixed != 0 && (base == 0 || base == prefixed)) {
        radix = prefixed;
        digits = digits.substring(2);
      }
    }
    if (radix == 0) radix = 10;
    if (!digits.matches("[0-9a-zA-Z]+(_[0-9a-zA-Z]+)*") || digits.length() > 4300)
      return Optional.empty();
    try {
      BigInteger number = new BigInteger(digits.replace("_", ""), radix);
      return Optional.of(negative ? number.negate() : number);
    } catch (NumberFormatException _) {
      return Optional.empty(); // a digit outside the base
    }
  }

  static Optional<Double> realNumber(String text) {
    String lower = text.toLowerCase(java.util.Locale.ROOT).replaceFirst("^[-+]", "");
    double sign = text.startsWith("-") ? -1 : 1;
    if (lower.equals("inf") || lower.equals("infinity"))
      return Optional.of(sign * Double.POSITIVE_INFINITY);
    if (lower.equals("nan")) return Optional.of(Double.NaN);
    return REAL.matcher(text).matches()
        ? Optional.of(Double.parseDouble(text.replace("_", "")))
        : Optional.empty();
  }
}
