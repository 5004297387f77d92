package dev.turnstone.engine.chat.jinja;

import static java.util.Map.entry;

import dev.turnstone.engine.chat.jinja.Arguments.Bound;
import dev.turnstone.engine.chat.jinja.Filters.Filter;
import dev.turnstone.engine.chat.jinja.Value.Dict;
import dev.turnstone.engine.chat.jinja.Value.Generator;
import dev.turnstone.engine.chat.jinja.Value.Text;
import dev.turnstone.engine.chat.jinja.Value.Undefined;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Predicate;

/// The filters of lists, tuples, maps and generators. Where jinja2 is lazy these give a [Generator]
/// too, computed at once: it can be read one time only.
final class SequenceFilters {
  static final Map<String, Filter> ALL =
      Map.ofEntries(
          entry("list", (value, _, budget) -> Values.list(Operations.items(value, budget))),
          entry("items", SequenceFilters::items),
          entry("join", SequenceFilters::join),
          entry("first", SequenceFilters::first),
          entry("last", SequenceFilters::last),
          entry("reverse", SequenceFilters::reverse),
          entry("map", SequenceFilters::map),
          entry("select", select(false, true)),
          entry("reject", select(false, false)),
          entry("selectattr", select(true, true)),
          entry("rejectattr", select(true, false)),
          entry("dictsort", OrderFilters::dictSort),
          entry("sort", OrderFilters::sort),
          entry("unique", OrderFilters::unique),
          entry("min", OrderFilters.extreme("min", -1)),
          entry("max", OrderFilters.extreme("max", 1)),
          entry("sum", SequenceFilters::sum));

  private SequenceFilters() {}

  private static Value items(Value value, Arguments arguments, Budget budget) {
    if (value instanceof Undefined) return Generator.of(List.of());
    if (value instanceof Dict dict) return Generator.of(Methods.pairs(dict));
    throw TemplateException.type("Can only get item pairs from a mapping.");
  }

  private static Value join(Value value, Arguments arguments, Budget budget) {
    Bound bound = arguments.bind("join", 0, "d", "attribute");
    Function<Value, Value> getter = getter(bound, 1, budget);
    String between = bound.has(0) ? Printing.text(bound.get(0), budget) : "";
    StringBuilder made = new StringBuilder();
    boolean first = true;
    for (Value item : Operations.items(value, budget)) {
      if (!first) made.append(between);
      first = false;
      String text = Printing.text(getter.apply(item), budget);
      budget.allocate(text.length() + (long) between.length());
      made.append(text);
    }
    return Values.of(made.toString());
  }

  private static Value first(Value value, Arguments arguments, Budget budget) {
    if (value instanceof Generator generator) {
      Value head = generator.rest().poll();
      return head != null ? head : Undefined.because("No first item, sequence was empty.");
    }
    List<Value> items = Operations.items(value, budget);
    return items.isEmpty()
        ? Undefined.because("No first item, sequence was empty.")
        : items.getFirst();
  }

  private static Value last(Value value, Arguments arguments, Budget budget) {
    if (value instanceof Generator)
      throw TemplateException.type("'generator' object is not reversible");
    List<Value> items = Operations.items(value, budget);
    return items.isEmpty()
        ? Undefined.because("No last item, sequence was empty.")
        : items.getLast();
  }

  private static Value reverse(Value value, Arguments arguments, Budget budget) {
    if (value instanceof Text text)
      return new Text(new StringBuilder(text.value()).reverse().toString(), text.safe());
    boolean generator = value instanceof Generator;
    List<Value> items = Operations.items(value, budget).reversed();
    return generator ? Values.list(items) : Generator.of(items);
  }

  private static Value map(Value value, Arguments arguments, Budget budget) {
    if (!Operations.truth(value)) return Generator.of(List.of());
    Function<Value, Value> mapper;
    if (arguments.positional().isEmpty() && arguments.named().containsKey("attribute")) {
      Bound bound = arguments.bind("map", 0, "attribute", "default");
      mapper = path(bound.get(0), bound.isSet(1) ? bound.get(1) : Values.NONE, budget);
    } else {
      if (arguments.positional().isEmpty())
        throw TemplateException.render("FilterArgumentError: map requires a filter argument");
      String name = Printing.text(arguments.positional().getFirst(), budget);
      Filter filter =
          Filters.find(name)
              .orElseThrow(() ->
                  TemplateException.render(
                      "TemplateRuntimeError: No filter named '" + name + "'."));
      Arguments rest = arguments.withoutFirst(1);
      mapper = item -> filter.apply(item, rest, budget);
    }
    return Generator.of(each(value, mapper, budget));
  }

  private static List<Value> each(Value value, Function<Value, Value> mapper, Budget budget) {
    List<Value> made = new ArrayList<>();
    for (Value item : Operations.items(value, budget)) {
      budget.step();
      made.add(mapper.apply(item));
    }
    return made;
  }

  private static Filter select(boolean byAttribute, boolean keep) {
    return (value, arguments, budget) -> {
      if (!Operations.truth(value)) return Generator.of(List.of());
      if (byAttribute && arguments.positional().isEmpty())
        throw TemplateException.render("FilterArgumentError: Missing parameter for attribute name");
      Function<Value, Value> getter =
          byAttribute
              ? path(arguments.positional().getFirst(), Values.NONE, budget)
              : Function.identity();
      Predicate<Value> test = test(arguments.withoutFirst(byAttribute ? 1 : 0), budget);
      List<Value> chosen = new ArrayList<>();
      for (Value item : Operations.items(value, budget)) {
        budget.step();
        if (test.test(getter.apply(item)) == keep) chosen.add(item);
      }
      return Generator.of(chosen);
    };
  }

  private static Predicate<Value> test(Arguments arguments, Budget budget) {
    if (arguments.positional().isEmpty()) return Operations::truth;
    String name = Printing.text(arguments.positional().getFirst(), budget);
    Tests.Test test =
        Tests.find(name)
            .orElseThrow(() ->
                TemplateException.render("TemplateRuntimeError: No test named '" + name + "'."));
    Arguments rest = arguments.withoutFirst(1);
    return value -> test.holds(value, rest, budget);
  }

  /// Reads `a.b.0`: elements first, then attributes.
  ///
  /// @param otherwise what replaces an undefined element, or None
  static Function<Value, Value> path(Value path, Value otherwise, Budget budget) {
    List<Value> parts = new ArrayList<>();
    if (path instanceof Text text)
      for (String part : PythonText.split(text.value(), ".", -1))
        parts.add(
            Lexer.wholeNumber(part, 10)
                .filter(n -> n.signum() >= 0)
                .<Value>map(Value.Int::new)
                .orElse(Values.of(part)));
    else parts.add(path);
    return item -> {
      Value found = item;
      for (Value part : parts) {
        found = Lookup.item(found, part, budget);
        if (found instanceof Undefined && !(otherwise instanceof Value.None)) found = otherwise;
      }
      return found;
    };
  }

  static Function<Value, Value> getter(Bound bound, int parameter, Budget budget) {
    return bound.isSet(parameter)
        ? path(bound.get(parameter), Values.NONE, budget)
        : Function.identity();
  }

  private static Value sum(Value value, Arguments arguments, Budget budget) {
    Bound bound = arguments.bind("sum", 0, "attribute", "start");
    Value sum = bound.or(1, Values.of(0));
    for (Value item : each(value, getter(bound, 0, budget), budget))
      sum = Operations.arithmetic(Operator.ADD, sum, item, budget);
    return sum;
  }
}
