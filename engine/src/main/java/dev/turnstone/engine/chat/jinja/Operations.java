package dev.turnstone.engine.chat.jinja;

import dev.turnstone.engine.chat.jinja.Value.Bool;
import dev.turnstone.engine.chat.jinja.Value.Dict;
import dev.turnstone.engine.chat.jinja.Value.Generator;
import dev.turnstone.engine.chat.jinja.Value.Int;
import dev.turnstone.engine.chat.jinja.Value.None;
import dev.turnstone.engine.chat.jinja.Value.Range;
import dev.turnstone.engine.chat.jinja.Value.Real;
import dev.turnstone.engine.chat.jinja.Value.Sequence;
import dev.turnstone.engine.chat.jinja.Value.Text;
import dev.turnstone.engine.chat.jinja.Value.Undefined;
import dev.turnstone.engine.chat.jinja.Value.View;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;

/// Truth, equality, order, membership, iteration and arithmetic of values of any type.
final class Operations {
  private Operations() {}

  static boolean truth(Value value) {
    return switch (value) {
      case None _, Undefined _ -> false;
      case Bool bool -> bool.value();
      case Int number -> number.value().signum() != 0;
      case Real number -> number.value() != 0;
      case Text text -> !text.value().isEmpty();
      case Sequence sequence -> !sequence.items().isEmpty();
      case Dict dict -> !dict.entries().isEmpty();
      case View view -> !view.items().isEmpty();
      case Range range -> !range.items().isEmpty();
      case Generator _, Loop _, Value.Namespace _, Value.Function _ -> true;
    };
  }

  /// The elements that `for` would see. A generator is empty afterwards.
  static List<Value> items(Value value, Budget budget) {
    return switch (value) {
      case Sequence sequence -> sequence.items();
      case View view -> view.items();
      case Range range -> range.items();
      case Dict dict -> List.copyOf(dict.entries().keySet());
      case Text text -> {
        budget.allocate(text.value().length());
        yield text.value()
            .codePoints()
            .<Value>mapToObj(c -> new Text(Character.toString(c)))
            .toList();
      }
      case Generator generator -> {
        List<Value> rest = List.copyOf(generator.rest());
        generator.rest().clear();
        yield rest;
      }
      case Undefined _ -> List.of();
      default -> throw TemplateException.type("'" + value.type() + "' object is not iterable");
    };
  }

  static boolean isIterable(Value value) {
    return switch (value) {
      case Sequence _, View _, Range _, Dict _, Text _, Generator _, Undefined _, Loop _ -> true;
      default -> false;
    };
  }

  static boolean same(Value left, Value right, Budget budget) {
    return same(left, right, budget, 0);
  }

  private static boolean same(Value left, Value right, Budget budget, int depth) {
    budget.step();
    Budget.nested(depth);
    if (left instanceof Sequence a && right instanceof Sequence b)
      return a.tuple() == b.tuple() && sameItems(a.items(), b.items(), budget, depth);
    if (left instanceof Dict a && right instanceof Dict b) return sameEntries(a, b, budget, depth);
    if (left instanceof Range a && right instanceof Range b)
      return sameItems(a.items(), b.items(), budget, depth);
    if (left instanceof View || left instanceof Generator || left instanceof Loop) return false;
    return left.equals(right);
  }

  private static boolean sameItems(List<Value> a, List<Value> b, Budget budget, int depth) {
    if (a.size() != b.size()) return false;
    for (int i = 0; i < a.size(); i++)
      if (!same(a.get(i), b.get(i), budget, depth + 1)) return false;
    return true;
  }

  private static boolean sameEntries(Dict a, Dict b, Budget budget, int depth) {
    if (a.entries().size() != b.entries().size()) return false;
    for (Map.Entry<Value, Value> entry : a.entries().entrySet()) {
      Value other = b.entries().get(entry.getKey());
      if (other == null || !same(entry.getValue(), other, budget, depth + 1)) return false;
    }
    return true;
  }

  /// Negative, 0 or positive, as Python's `<` orders numbers, strings, lists and tuples.
  static int order(Value left, Value right, Budget budget) {
    return order("<", left, right, budget);
  }

  static int order(String symbol, Value left, Value right, Budget budget) {
    budget.step();
    if (left instanceof Undefined undefined) throw undefined.refused();
    if (right instanceof Undefined undefined) throw undefined.refused();
    if (Numbers.isNumber(left) && Numbers.isNumber(right)) return Numbers.compare(left, right);
    if (left instanceof Text a && right instanceof Text b)
      return PythonText.compare(a.value(), b.value());
    if (left instanceof Sequence a && right instanceof Sequence b && a.tuple() == b.tuple()) {
      Iterator<Value> others = b.items().iterator();
      for (Value item : a.items()) {
        if (!others.hasNext()) return 1;
        Value other = others.next();
        if (!same(item, other, budget)) return order(symbol, item, other, budget);
      }
      return others.hasNext() ? -1 : 0;
    }
    throw TemplateException.type(
        "'"
            + symbol
            + "' not supported between instances of '"
            + left.type()
            + "' and '"
            + right.type()
            + "'");
  }

  static boolean contains(Value container, Value item, Budget budget) {
    if (container instanceof Text text) {
      if (item instanceof Text part) return text.value().contains(part.value());
      throw TemplateException.type(
          "'in <string>' requires string as left operand, not " + item.type());
    }
    if (container instanceof Dict dict) return dict.entries().containsKey(hashable(item, budget));
    if (!isIterable(container))
      throw TemplateException.type("argument of type '" + container.type() + "' is not iterable");
    for (Value other : items(container, budget)) if (same(other, item, budget)) return true;
    return false;
  }

  /// The value, if Python lets it be the key of a dict.
  static Value hashable(Value value, Budget budget) {
    budget.step();
    if (value instanceof Sequence tuple && tuple.tuple())
      tuple.items().forEach(item -> hashable(item, budget));
    else if (value instanceof Sequence || value instanceof Dict || value instanceof View)
      throw TemplateException.type("unhashable type: '" + value.type() + "'");
    return value;
  }

  static Value arithmetic(Operator operator, Value left, Value right, Budget budget) {
    budget.step();
    if (left instanceof Undefined undefined) throw undefined.refused();
    if (operator == Operator.MODULO && left instanceof Text text)
      return new Text(PercentFormat.apply(text, right, budget), text.safe());
    if (right instanceof Undefined undefined) throw undefined.refused();
    if (Numbers.isNumber(left) && Numbers.isNumber(right))
      return Numbers.arithmetic(operator, left, right);
    if (operator == Operator.ADD) {
      if (left instanceof Text a && right instanceof Text b) return join(a, b, budget);
      if (left instanceof Sequence a && right instanceof Sequence b && a.tuple() == b.tuple())
        return join(a, b, budget);
    }
    if (operator == Operator.MULTIPLY) {
      if (Numbers.isWhole(right) && repeatable(left)) return repeat(left, right, budget);
      if (Numbers.isWhole(left) && repeatable(right)) return repeat(right, left, budget);
    }
    throw TemplateException.type(
        "unsupported operand type(s) for "
            + operator.symbol
            + ": '"
            + left.type()
            + "' and '"
            + right.type()
            + "'");
  }

  private static Value join(Text a, Text b, Budget budget) {
    if (!a.safe() && !b.safe()) return new Text(budget.paid(a.value() + b.value()));
    return new Text(budget.paid(PythonText.escape(a) + PythonText.escape(b)), true);
  }

  private static Value join(Sequence a, Sequence b, Budget budget) {
    budget.allocate(a.items().size() + (long) b.items().size());
    List<Value> both = new ArrayList<>(a.items());
    both.addAll(b.items());
    return new Sequence(both, a.tuple());
  }

  private static boolean repeatable(Value value) {
    return value instanceof Text || value instanceof Sequence;
  }

  private static Value repeat(Value value, Value count, Budget budget) {
    int times = Math.max(0, Numbers.index(count));
    if (value instanceof Text text) {
      budget.allocate((long) text.value().length() * times);
      return new Text(text.value().isEmpty() ? "" : text.value().repeat(times), text.safe());
    }
    Sequence sequence = (Sequence) value;
    budget.allocate((long) sequence.items().size() * times);
    List<Value> all = new ArrayList<>();
    if (!sequence.items().isEmpty()) for (int i = 0; i < times; i++) all.addAll(sequence.items());
    return new Sequence(all, sequence.tuple());
  }
}
