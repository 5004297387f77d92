package dev.turnstone.engine.chat.jinja;

import dev.turnstone.engine.chat.jinja.Value.Bool;
import dev.turnstone.engine.chat.jinja.Value.Dict;
import dev.turnstone.engine.chat.jinja.Value.Function;
import dev.turnstone.engine.chat.jinja.Value.Int;
import dev.turnstone.engine.chat.jinja.Value.Real;
import dev.turnstone.engine.chat.jinja.Value.Sequence;
import dev.turnstone.engine.chat.jinja.Value.Text;
import dev.turnstone.engine.chat.jinja.Value.View;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// The methods of dicts, lists, tuples and strings that a template may call.
final class Methods {
  /// Known to Python, but not to us: refused at load where they are called.
  private static final Set<String> UNSUPPORTED =
      Set.of(
          "encode",
          "format_map",
          "maketrans",
          "translate",
          "fromkeys",
          "as_integer_ratio",
          "bit_count",
          "bit_length",
          "conjugate",
          "from_bytes",
          "to_bytes",
          "fromhex",
          "hex",
          "is_integer",
          "isdisjoint");

  private static final Set<String> CHANGES_DICT =
      Set.of("clear", "pop", "popitem", "setdefault", "update");
  private static final Set<String> CHANGES_LIST =
      Set.of("append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove");

  @FunctionalInterface
  interface Method<T> {
    Value call(T self, Arguments arguments, Budget budget);
  }

  private static final Map<String, Method<Dict>> DICT =
      Map.of(
          "get", Methods::get,
          "keys", (dict, _, _) -> new View("dict_keys", List.copyOf(dict.entries().keySet())),
          "values", (dict, _, _) -> new View("dict_values", List.copyOf(dict.entries().values())),
          "items", (dict, _, _) -> new View("dict_items", pairs(dict)),
          "copy", (dict, _, _) -> dict);

  private static final Map<String, Method<Sequence>> SEQUENCE =
      Map.of("count", Methods::count, "index", Methods::index);

  private Methods() {}

  /// Whether a template that calls `name` on anything could need what we do not have.
  static boolean isUnsupported(String name) {
    return UNSUPPORTED.contains(name);
  }

  /// The method `name` bound to `self`, if its type has one.
  static Optional<Value> find(Value self, String name, Budget budget) {
    return switch (self) {
      case Dict dict when CHANGES_DICT.contains(name) -> Optional.of(Lookup.unsafe(dict, name));
      case Dict dict -> bind(DICT, dict, name);
      case Sequence list when !list.tuple() && CHANGES_LIST.contains(name) ->
          Optional.of(Lookup.unsafe(list, name));
      case Sequence list when !list.tuple() && name.equals("copy") ->
          Optional.of(new Function(name, (_, _) -> list));
      case Sequence sequence -> bind(SEQUENCE, sequence, name);
      case Text text -> bind(TextMethods.ALL, text, name);
      case Int _, Bool _, Real _ -> number(self, name);
      default -> Optional.empty();
    };
  }

  private static <T extends Value> Optional<Value> bind(
      Map<String, Method<T>> methods, T self, String name) {
    Method<T> method = methods.get(name);
    if (method != null)
      return Optional.of(
          new Function(name, (arguments, budget) -> method.call(self, arguments, budget)));
    return Optional.empty();
  }

  private static Optional<Value> number(Value self, String name) {
    boolean whole = Numbers.isWhole(self);
    return switch (name) {
      case "real" -> Optional.of(whole ? new Int(Numbers.whole(self)) : self);
      case "imag" -> Optional.of(whole ? Values.of(0) : new Real(0));
      case "numerator" -> whole ? Optional.of(new Int(Numbers.whole(self))) : Optional.empty();
      case "denominator" -> whole ? Optional.of(Values.of(1)) : Optional.empty();
      default -> Optional.empty();
    };
  }

  static List<Value> pairs(Dict dict) {
    return dict.entries().entrySet().stream()
        .map(e -> Values.tuple(e.getKey(), e.getValue()))
        .toList();
  }

  private static Value get(Dict dict, Arguments arguments, Budget budget) {
    Arguments.Bound bound = arguments.bind("get", 1, "key", "default");
    Value element = dict.entries().get(Operations.hashable(bound.get(0), budget));
    return element != null ? element : bound.or(1, Values.NONE);
  }

  private static Value count(Sequence self, Arguments arguments, Budget budget) {
    Value wanted = arguments.bind("count", 1, "value").get(0);
    return Values.of(
        self.items().stream().filter(item -> Operations.same(item, wanted, budget)).count());
  }

  private static Value index(Sequence self, Arguments arguments, Budget budget) {
    Value wanted = arguments.bind("index", 1, "value").get(0);
    for (int i = 0; i < self.items().size(); i++)
      if (Operations.same(self.items().get(i), wanted, budget)) return Values.of(i);
    throw TemplateException.render(
        "ValueError: " + Printing.repr(wanted, budget) + " is not in " + self.type());
  }
}
