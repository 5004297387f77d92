package dev.turnstone.engine.chat.jinja;

import dev.turnstone.engine.chat.jinja.Value.Dict;
import dev.turnstone.engine.chat.jinja.Value.Function;
import dev.turnstone.engine.chat.jinja.Value.Namespace;
import dev.turnstone.engine.chat.jinja.Value.Range;
import dev.turnstone.engine.chat.jinja.Value.Sequence;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// The functions that transformers gives every chat template.
final class Globals {
  private static final int MAX_RANGE = 100_000;

  /// Functions of jinja2 that no chat template needs: a call is refused at load.
  static final Set<String> UNSUPPORTED = Set.of("lipsum", "cycler", "joiner", "self", "super");

  private Globals() {}

  static Map<String, Value> at(LocalDateTime now) {
    Map<String, Value> globals = new HashMap<>();
    define(globals, "raise_exception", Globals::raise);
    define(globals, "range", Globals::range);
    define(globals, "namespace", Globals::namespace);
    define(globals, "dict", (arguments, budget) -> new Dict(entries(arguments, budget)));
    define(
        globals,
        "strftime_now",
        (arguments, _) ->
            Values.of(Strftime.format(arguments.bind("strftime_now", 1, "format").text(0), now)));
    return globals;
  }

  private static void define(Map<String, Value> globals, String name, Function.Body body) {
    globals.put(name, new Function(name, body));
  }

  private static Value raise(Arguments arguments, Budget budget) {
    throw TemplateException.raised(
        Printing.text(arguments.bind("raise_exception", 1, "message").get(0), budget));
  }

  private static Value range(Arguments arguments, Budget budget) {
    List<Value> bounds = arguments.positional();
    if (bounds.isEmpty() || bounds.size() > 3 || !arguments.named().isEmpty())
      throw TemplateException.type("range expected 1 to 3 arguments, got " + bounds.size());
    for (Value bound : bounds)
      if (bound instanceof Value.Undefined undefined) throw undefined.refused();
    long start = bounds.size() > 1 ? Numbers.index(bounds.getFirst()) : 0;
    long stop = Numbers.index(bounds.get(bounds.size() > 1 ? 1 : 0));
    long step = bounds.size() > 2 ? Numbers.index(bounds.get(2)) : 1;
    if (step == 0) throw TemplateException.render("ValueError: range() arg 3 must not be zero");
    if (Math.abs((stop - start) / step) > MAX_RANGE)
      throw TemplateException.limit("made a range of more than " + MAX_RANGE + " numbers");
    List<Value> items = new ArrayList<>();
    for (long i = start; step > 0 ? i < stop : i > stop; i += step) items.add(Values.of(i));
    budget.allocate(items.size());
    return new Range(start, stop, step, items);
  }

  private static Map<Value, Value> entries(Arguments arguments, Budget budget) {
    Map<Value, Value> entries = new LinkedHashMap<>();
    if (arguments.positional().size() > 1)
      throw TemplateException.type(
          "dict expected at most 1 argument, got " + arguments.positional().size());
    for (Value source : arguments.positional()) {
      if (source instanceof Dict dict) entries.putAll(dict.entries());
      else
        for (Value pair : Operations.items(source, budget)) {
          List<Value> parts = pair instanceof Sequence sequence ? sequence.items() : List.of();
          if (parts.size() != 2)
            throw TemplateException.type("dict needs pairs, not " + pair.type());
          entries.put(Operations.hashable(parts.getFirst(), budget), parts.getLast());
        }
    }
    arguments.named().forEach((name, value) -> entries.put(Values.of(name), value));
    return entries;
  }

  private static Value namespace(Arguments arguments, Budget budget) {
    Map<String, Value> attributes = new HashMap<>();
    entries(arguments, budget)
        .forEach((name, value) -> attributes.put(Printing.text(name, budget), value));
    attributes.keySet().forEach(Globals::requireAttribute);
    return new Namespace(attributes);
  }

  static void requireAttribute(String name) {
    if (name.startsWith("_"))
      throw TemplateException.render(
          "SecurityError: chat templates cannot store the underscore-prefixed attribute '"
              + name
              + "' on a namespace");
  }
}
