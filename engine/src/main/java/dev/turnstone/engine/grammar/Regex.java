package dev.turnstone.engine.grammar;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/// Reads a regular expression of ECMA-262: alternatives, groups, classes, quantifiers and anchors
/// at the ends. What is not regular, or not supported, is refused by name.
final class Regex {
  private static final CodePoints DIGIT = CodePoints.range('0', '9');
  private static final CodePoints WORD =
      DIGIT.or(CodePoints.range('a', 'z')).or(CodePoints.range('A', 'Z')).or(CodePoints.of('_'));
  private static final CodePoints SPACE =
      CodePoints.of(' ', '\t', '\n', 0x0b, '\f', '\r', 0xa0, 0x1680, 0x2028, 0x2029, 0x202f)
          .or(CodePoints.range(0x2000, 0x200a))
          .or(CodePoints.of(0x205f, 0x3000, 0xfeff));
  private static final CodePoints DOT =
      CodePoints.ALL.minus(CodePoints.of('\n', '\r', 0x2028, 0x2029));
  private static final int MOST_TIMES = 100_000;

  private final int[] pattern;
  private final String text;
  private final Function<CodePoints, Part> write;
  private int at;
  private int groups;

  private Regex(String pattern, Function<CodePoints, Part> write) {
    this.text = pattern;
    this.pattern = pattern.codePoints().toArray();
    this.write = write;
  }

  /// The whole text must match.
  ///
  /// @param write how a character out of a set is written
  static Part whole(String pattern, Function<CodePoints, Part> write) {
    return new Regex(pattern, write).read(true);
  }

  /// The text must have a match in it, as `pattern` of JSON Schema means it.
  static Part within(String pattern, Function<CodePoints, Part> write) {
    return new Regex(pattern, write).read(false);
  }

  private Part read(boolean whole) {
    Part anything = Part.anyNumberOf(write.apply(CodePoints.ALL));
    List<Part> ways = new ArrayList<>();
    do {
      boolean fromStart = take('^') || whole;
      Part middle = sequence();
      boolean toEnd = take('$') || whole;
      ways.add(
          Part.sequence(
              fromStart ? Part.NOTHING : anything, middle, toEnd ? Part.NOTHING : anything));
    } while (take('|'));
    if (at < pattern.length) throw bad("an unexpected " + Character.toString(pattern[at]));
    return Part.oneOf(ways);
  }

  private Part alternatives() {
    List<Part> ways = new ArrayList<>();
    do ways.add(sequence());
    while (take('|'));
    return Part.oneOf(ways);
  }

  private Part sequence() {
    List<Part> parts = new ArrayList<>();
    while (at < pattern.length && pattern[at] != '|' && pattern[at] != ')') {
      if (pattern[at] == '$' && groups == 0) break;
      parts.add(quantified(atom()));
    }
    return Part.sequence(parts);
  }

  private Part quantified(Part atom) {
    int min = 1;
    int max = 1;
    if (take('*')) {
      min = 0;
      max = Integer.MAX_VALUE;
    } else if (take('+')) {
      max = Integer.MAX_VALUE;
    } else if (take('?')) {
      min = 0;
    } else if (at + 1 < pattern.length
        && pattern[at] == '{'
        && Character.isDigit(pattern[at + 1])) {
      at++;
      min = number();
      max = min;
      if (take(',')) max = at < pattern.length && pattern[at] == '}' ? Integer.MAX_VALUE : number();
      expect('}');
      if (max < min) throw bad("a repetition from %d to %d".formatted(min, max));
    } else {
      return atom;
    }
    take('?'); // lazy or not, the language is the same
    if (at < pattern.length && "*+?".indexOf(pattern[at]) >= 0) throw bad("a repeated repetition");
    return max == 0 ? Part.NOTHING : Part.repeated(atom, min, max);
  }

  private int number() {
    int value = 0;
    while (at < pattern.length && DIGIT.contains(pattern[at])) {
      value = value * 10 + pattern[at++] - '0';
      if (value > MOST_TIMES) throw bad("a repetition of more than " + MOST_TIMES);
    }
    return value;
  }

  private Part atom() {
    int c = pattern[at++];
    return switch (c) {
      case '(' -> group();
      case '[' -> write.apply(charClass());
      case '.' -> write.apply(DOT);
      case '\\' -> write.apply(escape(false));
      case '^', '$' -> throw bad("an anchor inside");
      case '*', '+', '?' -> throw bad("a repetition of nothing");
      default -> write.apply(CodePoints.of(c));
    };
  }

  private Part group() {
    if (take('?')) {
      if (take('<') && at < pattern.length && pattern[at] != '=' && pattern[at] != '!') {
        while (at < pattern.length && pattern[at] != '>') at++;
        expect('>');
      } else if (!take(':')) {
        throw bad("a look-around or another special group");
      }
    }
    groups++;
    Part part = alternatives();
    groups--;
    expect(')');
    return part;
  }

  private CodePoints charClass() {
    boolean negated = take('^');
    CodePoints set = new CodePoints(List.of());
    while (!take(']')) {
      if (at >= pattern.length) throw bad("a class without its end");
      int start = at;
      CodePoints one = classAtom();
      boolean range =
          at + 1 < pattern.length && pattern[at] == '-' && pattern[at + 1] != ']' && single(one);
      if (range) {
        at++;
        CodePoints end = classAtom();
        if (!single(end) || last(end) < last(one)) {
          int from = start;
          throw bad("the range " + new String(pattern, from, at - from));
        }
        one = CodePoints.range(last(one), last(end));
      }
      set = set.or(one);
    }
    return negated ? CodePoints.ALL.minus(set) : set.and(CodePoints.ALL);
  }

  private CodePoints classAtom() {
    int c = pattern[at++];
    return c == '\\' ? escape(true) : CodePoints.of(c);
  }

  private static boolean single(CodePoints set) {
    return set.ranges().size() == 1 && set.ranges().getFirst().from() == last(set);
  }

  private static int last(CodePoints set) {
    return set.ranges().getLast().to();
  }

  private CodePoints escape(boolean inClass) {
    if (at >= pattern.length) throw bad("a backslash at its end");
    int c = pattern[at++];
    return switch (c) {
      case 'd' -> DIGIT;
      case 'D' -> CodePoints.ALL.minus(DIGIT);
      case 'w' -> WORD;
      case 'W' -> CodePoints.ALL.minus(WORD);
      case 's' -> SPACE;
      case 'S' -> CodePoints.ALL.minus(SPACE);
      case 't' -> CodePoints.of('\t');
      case 'n' -> CodePoints.of('\n');
      case 'r' -> CodePoints.of('\r');
      case 'f' -> CodePoints.of('\f');
      case 'v' -> CodePoints.of(0x0b);
      case '0' -> CodePoints.of(0);
      case 'x' -> CodePoints.of(hex(2));
      case 'u' -> CodePoints.of(take('{') ? braced() : hex(4));
      case 'b' -> {
        if (!inClass) throw bad("\\b");
        yield CodePoints.of('\b');
      }
      default -> {
        if (Character.isLetterOrDigit(c)) throw bad("\\" + Character.toString(c));
        yield CodePoints.of(c);
      }
    };
  }

  private int hex(int digits) {
    int value = 0;
    for (int i = 0; i < digits; i++) {
      int digit = at < pattern.length ? Character.digit(pattern[at++], 16) : -1;
      if (digit < 0) throw bad("a hexadecimal escape cut short");
      value = value * 16 + digit;
    }
    return value;
  }

  private int braced() {
    int value = 0;
    while (at < pattern.length && pattern[at] != '}') {
      value = value * 16 + hex(1);
      if (value > Character.MAX_CODE_POINT) throw bad("no code point");
    }
    expect('}');
    return value;
  }

  private boolean take(int c) {
    if (at >= pattern.length || pattern[at] != c) return false;
    at++;
    return true;
  }

  private void expect(int c) {
    if (!take(c)) throw bad("no " + Character.toString(c) + " at " + at);
  }

  private IllegalArgumentException bad(String what) {
    return new IllegalArgumentException(
        "the pattern %s has %s, which is not supported".formatted(text, what));
  }
}
