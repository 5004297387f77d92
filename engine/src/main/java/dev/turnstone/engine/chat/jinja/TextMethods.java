package dev.turnstone.engine.chat.jinja;

import static java.util.Map.entry;

import dev.turnstone.engine.chat.jinja.Arguments.Bound;
import dev.turnstone.engine.chat.jinja.Methods.Method;
import dev.turnstone.engine.chat.jinja.Value.Sequence;
import dev.turnstone.engine.chat.jinja.Value.Text;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.IntPredicate;
import java.util.function.UnaryOperator;

/// The methods of `str`.
final class TextMethods {
  static final Map<String, Method<Text>> ALL =
      Map.ofEntries(
          entry("upper", plain(PythonText::upper)),
          entry("lower", plain(PythonText::lower)),
          entry("casefold", plain(s -> PythonText.lower(PythonText.upper(s)))),
          entry("capitalize", plain(PythonText::capitalize)),
          entry("title", plain(PythonText::title)),
          entry("swapcase", plain(TextMethods::swapCase)),
          entry("strip", strip(true, true)),
          entry("lstrip", strip(true, false)),
          entry("rstrip", strip(false, true)),
          entry("split", split(false)),
          entry("rsplit", split(true)),
          entry("splitlines", TextMethods::splitLines),
          entry("partition", partition(false)),
          entry("rpartition", partition(true)),
          entry("join", TextMethods::join),
          entry("replace", TextMethods::replace),
          entry("removeprefix", TextMethods::removePrefix),
          entry("removesuffix", TextMethods::removeSuffix),
          entry("startswith", affix(true)),
          entry("endswith", affix(false)),
          entry("find", find(false, false)),
          entry("rfind", find(true, false)),
          entry("index", find(false, true)),
          entry("rindex", find(true, true)),
          entry("count", TextMethods::count),
          entry("format", BraceFormat::format),
          entry("center", TextLayout.padded(true, true)),
          entry("ljust", TextLayout.padded(false, true)),
          entry("rjust", TextLayout.padded(true, false)),
          entry("zfill", TextLayout::zeroFill),
          entry("expandtabs", TextLayout::expandTabs),
          entry("isalpha", TextProperties.all(Character::isLetter)),
          entry("isalnum", TextProperties.all(TextProperties::isAlphanumeric)),
          entry("isdigit", TextProperties.all(Character::isDigit)),
          entry("isdecimal", TextProperties.all(Character::isDigit)),
          entry("isnumeric", TextProperties.all(TextProperties::isNumeric)),
          entry("isspace", TextProperties.all(PythonText::isSpace)),
          entry("islower", (self, _, _) -> Values.of(TextProperties.isLower(self.value()))),
          entry("isupper", (self, _, _) -> Values.of(TextProperties.isUpper(self.value()))),
          entry("isascii", (self, _, _) -> Values.of(self.value().chars().allMatch(c -> c < 128))),
          entry(
              "isprintable",
              (self, _, _) -> Values.of(self.value().codePoints().allMatch(Printing::isPrintable))),
          entry("isidentifier", (self, _, _) -> Values.of(Lexer.isIdentifier(self.value()))),
          entry("istitle", (self, _, _) -> Values.of(TextProperties.isTitle(self.value()))));

  private TextMethods() {}

  private static Method<Text> plain(UnaryOperator<String> operation) {
    return (self, arguments, budget) -> {
      arguments.bind("str", 0);
      return new Text(budget.paid(operation.apply(self.value())), self.safe());
    };
  }

  private static String swapCase(String text) {
    StringBuilder made = new StringBuilder();
    text.codePoints()
        .forEach(c -> {
          String letter = Character.toString(c);
          made.append(
              Character.isUpperCase(c) ? PythonText.lower(letter) : PythonText.upper(letter));
        });
    return made.toString();
  }

  private static Method<Text> strip(boolean left, boolean right) {
    return (self, arguments, budget) -> {
      Bound bound = arguments.bind("strip", 0, "chars");
      IntPredicate drop = bound.isSet(0) ? oneOf(bound.text(0)) : PythonText::isSpace;
      return new Text(budget.paid(PythonText.strip(self.value(), drop, left, right)), self.safe());
    };
  }

  static IntPredicate oneOf(String characters) {
    return c -> characters.indexOf(c) >= 0;
  }

  private static Method<Text> split(boolean fromRight) {
    return (self, arguments, budget) -> {
      Bound bound = arguments.bind("split", 0, "sep", "maxsplit");
      int cuts = bound.index(1, -1);
      budget.allocate(self.value().length());
      List<String> pieces;
      if (!bound.isSet(0))
        pieces =
            fromRight
                ? PythonText.splitSpaceFromRight(self.value(), cuts)
                : PythonText.splitSpace(self.value(), cuts);
      else
        pieces =
            fromRight
                ? PythonText.splitFromRight(self.value(), bound.text(0), cuts)
                : PythonText.split(self.value(), bound.text(0), cuts);
      return texts(pieces, self.safe());
    };
  }

  private static Value texts(List<String> pieces, boolean safe) {
    return Values.list(pieces.stream().map(piece -> new Text(piece, safe)).toList());
  }

  private static Value splitLines(Text self, Arguments arguments, Budget budget) {
    boolean keepEnds = arguments.bind("splitlines", 0, "keepends").flag(0);
    budget.allocate(self.value().length());
    return texts(PythonText.lines(self.value(), keepEnds), self.safe());
  }

  private static Method<Text> partition(boolean fromRight) {
    return (self, arguments, _) -> {
      String separator = arguments.bind("partition", 1, "sep").text(0);
      PythonText.requireSeparator(separator);
      String text = self.value();
      int at = fromRight ? text.lastIndexOf(separator) : text.indexOf(separator);
      if (at < 0) return fromRight ? triple(self, "", "", text) : triple(self, text, "", "");
      return triple(
          self, text.substring(0, at), separator, text.substring(at + separator.length()));
    };
  }

  private static Value triple(Text self, String a, String b, String c) {
    return Values.tuple(
        new Text(a, self.safe()), new Text(b, self.safe()), new Text(c, self.safe()));
  }

  private static Value join(Text self, Arguments arguments, Budget budget) {
    List<String> pieces = new ArrayList<>();
    long length = 0;
    for (Value item : Operations.items(arguments.bind("join", 1, "iterable").get(0), budget)) {
      if (!(item instanceof Text text))
        throw TemplateException.type(
            "sequence item "
                + pieces.size()
                + ": expected str instance, "
                + item.type()
                + " found");
      pieces.add(self.safe() ? PythonText.escape(text) : text.value());
      length += text.value().length() + self.value().length();
    }
    budget.allocate(length);
    return new Text(String.join(self.value(), pieces), self.safe());
  }

  private static Value replace(Text self, Arguments arguments, Budget budget) {
    Bound bound = arguments.bind("replace", 2, "old", "new", "count");
    String with =
        self.safe() && bound.get(1) instanceof Text text ? PythonText.escape(text) : bound.text(1);
    String made = PythonText.replace(self.value(), bound.text(0), with, bound.index(2, -1), budget);
    return new Text(made, self.safe());
  }

  private static Value removePrefix(Text self, Arguments arguments, Budget budget) {
    String prefix = arguments.bind("removeprefix", 1, "prefix").text(0);
    return self.value().startsWith(prefix)
        ? new Text(self.value().substring(prefix.length()), self.safe())
        : self;
  }

  private static Value removeSuffix(Text self, Arguments arguments, Budget budget) {
    String suffix = arguments.bind("removesuffix", 1, "suffix").text(0);
    int end = self.value().length() - suffix.length();
    return self.value().endsWith(suffix)
        ? new Text(self.value().substring(0, end), self.safe())
        : self;
  }

  private static Method<Text> affix(boolean atStart) {
    return (self, arguments, _) -> {
      Bound bound = arguments.bind("startswith", 1, "prefix", "start", "end");
      String text = part(self.value(), bound);
      List<Value> options =
          bound.get(0) instanceof Sequence tuple && tuple.tuple()
              ? tuple.items()
              : List.of(bound.get(0));
      for (Value option : options) {
        if (!(option instanceof Text affix))
          throw TemplateException.type(
              "startswith/endswith needs a str or a tuple of str, not " + option.type());
        if (atStart ? text.startsWith(affix.value()) : text.endsWith(affix.value()))
          return Values.TRUE;
      }
      return Values.FALSE;
    };
  }

  /// The text between the optional parameters 1 and 2.
  private static String part(String text, Bound bound) {
    if (!bound.isSet(1) && !bound.isSet(2)) return text;
    int length = PythonText.length(text);
    int start = clamp(bound.isSet(1) ? bound.index(1, 0) : 0, length);
    int end = clamp(bound.isSet(2) ? bound.index(2, length) : length, length);
    if (start >= end) return "";
    int from = text.offsetByCodePoints(0, start);
    return text.substring(from, text.offsetByCodePoints(from, end - start));
  }

  private static int clamp(int index, int length) {
    return Math.clamp(index < 0 ? (long) index + length : index, 0, length);
  }

  private static Method<Text> find(boolean fromRight, boolean must) {
    return (self, arguments, _) -> {
      Bound bound = arguments.bind("find", 1, "sub", "start", "end");
      String text = part(self.value(), bound);
      int at = fromRight ? text.lastIndexOf(bound.text(0)) : text.indexOf(bound.text(0));
      if (at < 0 && must) throw TemplateException.render("ValueError: substring not found");
      if (at < 0) return Values.of(-1);
      int start = bound.isSet(1) ? clamp(bound.index(1, 0), PythonText.length(self.value())) : 0;
      return Values.of(start + text.codePointCount(0, at));
    };
  }

  private static Value count(Text self, Arguments arguments, Budget budget) {
    Bound bound = arguments.bind("count", 1, "sub", "start", "end");
    String text = part(self.value(), bound);
    if (bound.text(0).isEmpty()) return Values.of(PythonText.length(text) + 1L);
    return Values.of(PythonText.split(text, bound.text(0), -1).size() - 1L);
  }
}
