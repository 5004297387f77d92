package dev.turnstone.engine.chat.jinja;

import dev.turnstone.engine.chat.jinja.Arguments.Bound;
import dev.turnstone.engine.chat.jinja.Filters.Filter;
import dev.turnstone.engine.chat.jinja.Value.Dict;
import dev.turnstone.engine.chat.jinja.Value.Generator;
import dev.turnstone.engine.chat.jinja.Value.Sequence;
import dev.turnstone.engine.chat.jinja.Value.Text;
import dev.turnstone.engine.chat.jinja.Value.Undefined;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/// The filters that compare elements with each other, by default without regard to case.
final class OrderFilters {
  private OrderFilters() {}

  private static Value ignoreCase(Value value) {
    return value instanceof Text text ? new Text(PythonText.lower(text.value())) : value;
  }

  private static List<Value> sorted(
      List<Value> items,
      Function<Value, Value> key,
      boolean caseSensitive,
      boolean reverse,
      Budget budget) {
    record Keyed(Value key, Value item) {}
    budget.allocate(items.size() * 2L);
    List<Keyed> keyed = new ArrayList<>();
    for (Value item : items) {
      Value made = key.apply(item);
      keyed.add(new Keyed(caseSensitive ? made : ignoreCase(made), item));
    }
    Comparator<Keyed> order = (a, b) -> Operations.order(a.key(), b.key(), budget);
    keyed.sort(reverse ? Collections.reverseOrder(order) : order);
    return keyed.stream().map(Keyed::item).toList();
  }

  static Value dictSort(Value value, Arguments arguments, Budget budget) {
    Bound bound = arguments.bind("dictsort", 0, "case_sensitive", "by", "reverse");
    if (!(value instanceof Dict dict))
      throw TemplateException.type("dictsort needs a dict, not " + value.type());
    String by = bound.has(1) ? bound.text(1) : "key";
    if (!by.equals("key") && !by.equals("value"))
      throw TemplateException.render(
          "FilterArgumentError: You can only sort by either \"key\" or \"value\"");
    int part = by.equals("key") ? 0 : 1;
    return Values.list(
        sorted(
            Methods.pairs(dict),
            pair -> ((Sequence) pair).items().get(part),
            bound.flag(0),
            bound.flag(2),
            budget));
  }

  static Value sort(Value value, Arguments arguments, Budget budget) {
    Bound bound = arguments.bind("sort", 0, "reverse", "case_sensitive", "attribute");
    boolean caseSensitive = bound.flag(1);
    Function<Value, Value> key = Function.identity();
    if (bound.isSet(2)) {
      List<Function<Value, Value>> parts = new ArrayList<>();
      if (bound.get(2) instanceof Text paths)
        for (String path : PythonText.split(paths.value(), ",", -1))
          parts.add(SequenceFilters.path(Values.of(path), Values.NONE, budget));
      else parts.add(SequenceFilters.path(bound.get(2), Values.NONE, budget));
      key =
          item ->
              new Sequence(
                  parts.stream()
                      .map(part -> part.apply(item))
                      .map(part -> caseSensitive ? part : ignoreCase(part))
                      .toList(),
                  true);
    }
    return Values.list(
        sorted(Operations.items(value, budget), key, caseSensitive, bound.flag(0), budget));
  }

  static Value unique(Value value, Arguments arguments, Budget budget) {
    Bound bound = arguments.bind("unique", 0, "case_sensitive", "attribute");
    Function<Value, Value> getter = SequenceFilters.getter(bound, 1, budget);
    Map<Value, Value> seen = new HashMap<>();
    List<Value> made = new ArrayList<>();
    for (Value item : Operations.items(value, budget)) {
      Value key = bound.flag(0) ? getter.apply(item) : ignoreCase(getter.apply(item));
      if (seen.putIfAbsent(Operations.hashable(key, budget), item) == null) made.add(item);
    }
    return Generator.of(made);
  }

  static Filter extreme(String name, int sign) {
    return (value, arguments, budget) -> {
      Bound bound = arguments.bind(name, 0, "case_sensitive", "attribute");
      Function<Value, Value> getter = SequenceFilters.getter(bound, 1, budget);
      Value best = Undefined.because("No aggregated item, sequence was empty.");
      Value bestKey = Values.NONE;
      boolean first = true;
      for (Value item : Operations.items(value, budget)) {
        Value key = bound.flag(0) ? getter.apply(item) : ignoreCase(getter.apply(item));
        if (first || Operations.order(key, bestKey, budget) * sign > 0) {
          best = item;
          bestKey = key;
        }
        first = false;
      }
      return best;
    };
  }
}
