package dev.turnstone.engine.chat.jinja;

import static java.util.Map.entry;

import dev.turnstone.engine.chat.jinja.Arguments.Bound;
import dev.turnstone.engine.chat.jinja.Value.Dict;
import dev.turnstone.engine.chat.jinja.Value.Range;
import dev.turnstone.engine.chat.jinja.Value.Sequence;
import dev.turnstone.engine.chat.jinja.Value.Text;
import dev.turnstone.engine.chat.jinja.Value.Undefined;
import dev.turnstone.engine.chat.jinja.Value.View;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The filters of one value; those of sequences are in [SequenceFilters].
final class Filters {
  @FunctionalInterface
  interface Filter {
    Value apply(Value value, Arguments arguments, Budget budget);
  }

  private static final Map<String, Filter> ALL = new HashMap<>(SequenceFilters.ALL);

  static {
    ALL.putAll(
        Map.ofEntries(
            entry("abs", NumberFilters::abs),
            entry("attr", Filters::attr),
            entry("capitalize", text(PythonText::capitalize)),
            entry("center", Filters::center),
            entry("count", Filters::length),
            entry("d", Filters::orDefault),
            entry("default", Filters::orDefault),
            entry("e", Filters::escape),
            entry("escape", Filters::escape),
            entry("float", NumberFilters::toReal),
            entry("format", Filters::format),
            entry("indent", Filters::indent),
            entry("int", NumberFilters::toInt),
            entry("length", Filters::length),
            entry("lower", text(PythonText::lower)),
            entry("replace", Filters::replace),
            entry("round", NumberFilters::round),
            entry("safe", (value, _, budget) -> new Text(Printing.text(value, budget), true)),
            entry("string", Filters::string),
            entry("title", text(Filters::title)),
            entry("tojson", Filters::toJson),
            entry("trim", Filters::trim),
            entry("upper", text(PythonText::upper)),
            entry("wordcount", Filters::wordCount)));
  }

  private Filters() {}

  static Optional<Filter> find(String name) {
    return Optional.ofNullable(ALL.get(name));
  }

  /// `str(value)`, or the value itself if it is a string.
  static Text soft(Value value, Budget budget) {
    return value instanceof Text text ? text : new Text(Printing.text(value, budget));
  }

  private static Filter text(UnaryOperator<String> operation) {
    return (value, arguments, budget) -> {
      arguments.bind("filter", 0);
      Text text = soft(value, budget);
      return new Text(budget.paid(operation.apply(text.value())), text.safe());
    };
  }

  private static Value string(Value value, Arguments arguments, Budget budget) {
    return soft(value, budget);
  }

  private static Value trim(Value value, Arguments arguments, Budget budget) {
    Bound bound = arguments.bind("trim", 0, "chars");
    Text text = soft(value, budget);
    String made =
        bound.isSet(0)
            ? PythonText.strip(text.value(), TextMethods.oneOf(bound.text(0)), true, true)
            : PythonText.strip(text.value());
    return new Text(budget.paid(made), text.safe());
  }

  private static Value length(Value value, Arguments arguments, Budget budget) {
    return switch (value) {
      case Text text -> Values.of(PythonText.length(text.value()));
      case Sequence sequence -> Values.of(sequence.items().size());
      case Dict dict -> Values.of(dict.entries().size());
      case View view -> Values.of(view.items().size());
      case Range range -> Values.of(range.items().size());
      case Loop loop -> Values.of(loop.length());
      case Undefined _ -> Values.of(0);
      default -> throw TemplateException.type("object of type '" + value.type() + "' has no len()");
    };
  }

  private static Value orDefault(Value value, Arguments arguments, Budget budget) {
    Bound bound = arguments.bind("default", 0, "default_value", "boolean");
    boolean replaced = value instanceof Undefined || (bound.flag(1) && !Operations.truth(value));
    return replaced ? bound.or(0, Values.EMPTY_TEXT) : value;
  }

  private static Value escape(Value value, Arguments arguments, Budget budget) {
    return new Text(budget.paid(PythonText.escape(soft(value, budget))), true);
  }

  private static Value replace(Value value, Arguments arguments, Budget budget) {
    Bound bound = arguments.bind("replace", 2, "old", "new", "count");
    int count = bound.isSet(2) ? bound.index(2, -1) : -1;
    String old = Printing.text(bound.get(0), budget);
    String with = Printing.text(bound.get(1), budget);
    return new Text(PythonText.replace(Printing.text(value, budget), old, with, count, budget));
  }

  private static Value format(Value value, Arguments arguments, Budget budget) {
    if (!arguments.positional().isEmpty() && !arguments.named().isEmpty())
      throw TemplateException.render(
          "FilterArgumentError: can't handle positional and keyword arguments at the same time");
    Value values =
        arguments.named().isEmpty()
            ? new Sequence(arguments.positional(), true)
            : Dict.of(arguments.named());
    Text text = soft(value, budget);
    return new Text(PercentFormat.apply(text, values, budget), text.safe());
  }

  private static Value indent(Value value, Arguments arguments, Budget budget) {
    Bound bound = arguments.bind("indent", 0, "width", "first", "blank");
    if (!(value instanceof Text text))
      throw value instanceof Undefined undefined
          ? undefined.refused()
          : TemplateException.type("indent needs a str, not " + value.type());
    String indent =
        bound.has(0) && bound.get(0) instanceof Text given
            ? given.value()
            : " ".repeat(Math.clamp(bound.index(0, 4), 0, 1000));
    List<String> lines = PythonText.lines(text.value() + "\n", false);
    budget.allocate(text.value().length() + (long) lines.size() * indent.length());
    StringBuilder made = new StringBuilder(bound.flag(1) ? indent : "").append(lines.getFirst());
    for (String line : lines.subList(1, lines.size()))
      made.append('\n').append(bound.flag(2) || !line.isEmpty() ? indent : "").append(line);
    return new Text(made.toString(), text.safe());
  }

  private static Value center(Value value, Arguments arguments, Budget budget) {
    int width = arguments.bind("center", 0, "width").index(0, 80);
    Text text = soft(value, budget);
    return new Text(TextLayout.pad(text.value(), width, " ", true, true, budget), text.safe());
  }

  private static String title(String text) {
    Matcher word =
        Pattern.compile("[-\\s({\\[<]+|[^-\\s({\\[<]+", Pattern.UNICODE_CHARACTER_CLASS)
            .matcher(text);
    return word.replaceAll(m -> {
      int first = Character.charCount(m.group().codePointAt(0));
      String made =
          PythonText.upper(m.group().substring(0, first))
              + PythonText.lower(m.group().substring(first));
      return Matcher.quoteReplacement(made);
    });
  }

  private static Value wordCount(Value value, Arguments arguments, Budget budget) {
    Matcher word =
        Pattern.compile("\\w+", Pattern.UNICODE_CHARACTER_CLASS)
            .matcher(soft(value, budget).value());
    return Values.of(word.results().count());
  }

  private static Value attr(Value value, Arguments arguments, Budget budget) {
    String name = arguments.bind("attr", 1, "name").text(0);
    if (value instanceof Dict && Methods.find(value, name, budget).isEmpty())
      return Undefined.because("'dict object' has no attribute '" + name + "'");
    return Lookup.attribute(value, name, budget);
  }

  private static Value toJson(Value value, Arguments arguments, Budget budget) {
    if (arguments.isEmpty())
      return Values.of(JsonWriter.write(value, JsonWriter.Style.PYTHON, budget));
    Bound bound = arguments.bind("tojson", 0, "ensure_ascii", "indent", "separators", "sort_keys");
    String indent = "";
    if (bound.isSet(1))
      indent =
          bound.get(1) instanceof Text text
              ? text.value()
              : " ".repeat(Math.clamp(bound.index(1, 0), 0, 64));
    String between = bound.isSet(1) ? "," : ", ";
    String colon = ": ";
    if (bound.isSet(2)) {
      List<Value> separators = Operations.items(bound.get(2), budget);
      if (separators.size() != 2)
        throw TemplateException.render("ValueError: separators must be two");
      between = Printing.text(separators.getFirst(), budget);
      colon = Printing.text(separators.getLast(), budget);
    }
    var style =
        new JsonWriter.Style(bound.flag(0), bound.isSet(1), indent, between, colon, bound.flag(3));
    return Values.of(JsonWriter.write(value, style, budget));
  }
}
