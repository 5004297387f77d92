package dev.turnstone.engine.chat.jinja;

import static java.util.Map.entry;

import dev.turnstone.engine.chat.jinja.Value.Bool;
import dev.turnstone.engine.chat.jinja.Value.Dict;
import dev.turnstone.engine.chat.jinja.Value.Function;
import dev.turnstone.engine.chat.jinja.Value.Int;
import dev.turnstone.engine.chat.jinja.Value.None;
import dev.turnstone.engine.chat.jinja.Value.Range;
import dev.turnstone.engine.chat.jinja.Value.Real;
import dev.turnstone.engine.chat.jinja.Value.Sequence;
import dev.turnstone.engine.chat.jinja.Value.Text;
import dev.turnstone.engine.chat.jinja.Value.Undefined;
import java.util.Map;
import java.util.Optional;
import java.util.function.IntPredicate;
import java.util.function.Predicate;

/// What may follow `is`.
final class Tests {
  @FunctionalInterface
  interface Test {
    boolean holds(Value value, Arguments arguments, Budget budget);
  }

  private static final Test EQUAL =
      (value, arguments, budget) -> Operations.same(value, other(arguments), budget);
  private static final Test DIFFERENT =
      (value, arguments, budget) -> !Operations.same(value, other(arguments), budget);
  private static final Test LESS = ordered("<", order -> order < 0);
  private static final Test LESS_OR_EQUAL = ordered("<=", order -> order <= 0);
  private static final Test GREATER = ordered(">", order -> order > 0);
  private static final Test GREATER_OR_EQUAL = ordered(">=", order -> order >= 0);

  private static final Map<String, Test> ALL =
      Map.ofEntries(
          entry("defined", plain(v -> !(v instanceof Undefined))),
          entry("undefined", plain(v -> v instanceof Undefined)),
          entry("none", plain(v -> v instanceof None)),
          entry("boolean", plain(v -> v instanceof Bool)),
          entry("true", plain(v -> v instanceof Bool bool && bool.value())),
          entry("false", plain(v -> v instanceof Bool bool && !bool.value())),
          entry("integer", plain(v -> v instanceof Int)),
          entry("float", plain(v -> v instanceof Real)),
          entry("number", plain(Numbers::isNumber)),
          entry("string", plain(v -> v instanceof Text)),
          entry("mapping", plain(v -> v instanceof Dict)),
          entry("iterable", plain(Operations::isIterable)),
          entry("sequence", plain(Tests::isSequence)),
          entry("callable", plain(v -> v instanceof Function || v instanceof Undefined)),
          entry("escaped", plain(v -> v instanceof Text text && text.safe())),
          entry("lower", (v, _, budget) -> TextProperties.isLower(Printing.text(v, budget))),
          entry("upper", (v, _, budget) -> TextProperties.isUpper(Printing.text(v, budget))),
          entry("odd", (v, _, budget) -> remainder(v, Values.of(2), budget).equals(Values.of(1))),
          entry("even", (v, _, budget) -> remainder(v, Values.of(2), budget).equals(Values.of(0))),
          entry(
              "divisibleby",
              (v, arguments, budget) ->
                  remainder(v, other(arguments), budget).equals(Values.of(0))),
          entry("sameas", (v, arguments, _) -> isSame(v, other(arguments))),
          entry("in", (v, arguments, budget) -> Operations.contains(other(arguments), v, budget)),
          entry("filter", (v, _, budget) -> Filters.find(Printing.text(v, budget)).isPresent()),
          entry("test", (v, _, budget) -> find(Printing.text(v, budget)).isPresent()),
          entry("eq", EQUAL),
          entry("equalto", EQUAL),
          entry("==", EQUAL),
          entry("ne", DIFFERENT),
          entry("!=", DIFFERENT),
          entry("lt", LESS),
          entry("lessthan", LESS),
          entry("<", LESS),
          entry("le", LESS_OR_EQUAL),
          entry("<=", LESS_OR_EQUAL),
          entry("gt", GREATER),
          entry("greaterthan", GREATER),
          entry(">", GREATER),
          entry("ge", GREATER_OR_EQUAL),
          entry(">=", GREATER_OR_EQUAL));

  private Tests() {}

  static Optional<Test> find(String name) {
    return Optional.ofNullable(ALL.get(name));
  }

  private static Test plain(Predicate<Value> test) {
    return (value, arguments, _) -> {
      if (!arguments.isEmpty()) throw TemplateException.type("the test takes no arguments");
      return test.test(value);
    };
  }

  private static Test ordered(String symbol, IntPredicate wanted) {
    return (value, arguments, budget) -> {
      Value other = other(arguments);
      boolean comparable = !Numbers.isNan(value) && !Numbers.isNan(other);
      return comparable && wanted.test(Operations.order(symbol, value, other, budget));
    };
  }

  private static Value other(Arguments arguments) {
    if (arguments.positional().size() != 1 || !arguments.named().isEmpty())
      throw TemplateException.type("the test takes exactly one argument");
    return arguments.positional().getFirst();
  }

  private static Value remainder(Value value, Value by, Budget budget) {
    return Operations.arithmetic(Operator.MODULO, value, by, budget);
  }

  private static boolean isSequence(Value value) {
    return value instanceof Sequence
        || value instanceof Text
        || value instanceof Dict
        || value instanceof Range
        || value instanceof Undefined;
  }

  @SuppressWarnings("ReferenceEquality") // it is what `sameas` asks
  private static boolean isSame(Value value, Value other) {
    boolean byValue =
        value instanceof None
            || value instanceof Bool
            || value instanceof Text
            || value instanceof Int;
    return value == other
        || (byValue && value.getClass() == other.getClass() && value.equals(other));
  }
}
