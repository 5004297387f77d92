package dev.turnstone.engine.grammar;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// The pieces that JSON text is made of.
///
/// White space: after an opening bracket, a comma or a colon and before a closing bracket there may
/// be one space, or a line break with up to 40 spaces or tabs; nowhere else. So neither compact nor
/// pretty-printed JSON is out of reach, and no text of white space goes on for ever.
final class JsonText {
  private static final int MOST_INDENT = 40;
  private static final CodePoints CONTROLS = CodePoints.range(0, 0x1f);
  private static final CodePoints PLAIN =
      CodePoints.ALL.minus(CONTROLS).minus(CodePoints.of('"', '\\'));
  private static final Map<Integer, String> SHORT =
      Map.of(
          (int) '"',
          "\\\"",
          (int) '\\',
          "\\\\",
          (int) '\b',
          "\\b",
          (int) '\f',
          "\\f",
          (int) '\n',
          "\\n",
          (int) '\r',
          "\\r",
          (int) '\t',
          "\\t");

  static final Part GAP =
      Part.oneOf(
          Part.NOTHING,
          Part.literal(" "),
          Part.sequence(
              Part.literal("\n"),
              Part.repeated(Part.bytes(ByteSet.of(' ').or(ByteSet.of('\t'))), 0, MOST_INDENT)));

  static final Part COMMA = Part.sequence(Part.literal(","), GAP);
  static final Part COLON = Part.sequence(Part.literal(":"), GAP);

  private static final ByteSet DIGIT = ByteSet.range('0', '9');
  private static final Part HEX =
      Part.bytes(DIGIT.or(ByteSet.range('a', 'f')).or(ByteSet.range('A', 'F')));
  static final Part DIGITS = Part.repeated(Part.bytes(DIGIT), 1, Integer.MAX_VALUE);
  static final Part INTEGER =
      Part.sequence(
          Part.optional(Part.literal("-")),
          Part.oneOf(
              Part.literal("0"),
              Part.sequence(
                  Part.bytes(ByteSet.range('1', '9')), Part.anyNumberOf(Part.bytes(DIGIT)))));

  /// Exponents stay below 308, so that every number is one that an f64 can be near to.
  private static final Part EXPONENT =
      Part.sequence(
          Part.bytes(ByteSet.of('e').or(ByteSet.of('E'))),
          Part.optional(Part.bytes(ByteSet.of('+').or(ByteSet.of('-')))),
          Part.oneOf(
              Part.repeated(Part.bytes(DIGIT), 1, 2),
              Part.sequence(
                  Part.bytes(ByteSet.range('0', '2')), Part.bytes(DIGIT), Part.bytes(DIGIT)),
              Part.sequence(Part.literal("30"), Part.bytes(ByteSet.range('0', '7')))));

  static final Part NUMBER =
      Part.sequence(
          INTEGER,
          Part.optional(Part.sequence(Part.literal("."), DIGITS)),
          Part.optional(EXPONENT));

  /// One character of a string, however it is written; half a surrogate pair is none.
  static final Part CHARACTER =
      Part.oneOf(written(CodePoints.ALL), Part.literal("\\/"), Part.sequence(u(), unicode()));

  static final Part STRING =
      Part.sequence(Part.literal("\""), Part.anyNumberOf(CHARACTER), Part.literal("\""));

  private JsonText() {}

  private static Part u() {
    return Part.literal("\\u");
  }

  private static Part hex(String digits) {
    ByteSet set = ByteSet.NONE;
    for (char c : digits.toCharArray()) set = set.or(ByteSet.of(c));
    return Part.bytes(set);
  }

  /// Four hexadecimal digits, and after a high surrogate the low one.
  private static Part unicode() {
    return Part.oneOf(
        Part.sequence(hex("0123456789abcefABCEF"), HEX, HEX, HEX),
        Part.sequence(hex("dD"), hex("01234567"), HEX, HEX),
        Part.sequence(
            hex("dD"), hex("89abAB"), HEX, HEX, u(), hex("dD"), hex("cdefCDEF"), HEX, HEX));
  }

  /// One character of a set as most writers write it: itself, or the shortest escape it needs.
  static Part written(CodePoints points) {
    List<Part> ways = new ArrayList<>(List.of(Utf8.of(points.and(PLAIN))));
    SHORT.forEach((point, text) -> {
      if (points.contains(point)) ways.add(Part.literal(text));
    });
    for (CodePoints.Range range : points.and(CONTROLS).ranges())
      for (int point = range.from(); point <= range.to(); point++)
        if (!SHORT.containsKey(point)) ways.add(control(point));
    return Part.oneOf(ways);
  }

  private static Part control(int point) {
    String digit = Integer.toHexString(point & 15);
    return Part.sequence(
        Part.literal("\\u00" + (point >> 4)), hex(digit + digit.toUpperCase(Locale.ROOT)));
  }

  /// A string whose content is written as `part` says.
  static Part quoted(Part part) {
    return Part.sequence(Part.literal("\""), part, Part.literal("\""));
  }
}
