package dev.turnstone.engine.chat.jinja;

import dev.turnstone.engine.chat.jinja.Value.Dict;
import dev.turnstone.engine.chat.jinja.Value.Namespace;
import dev.turnstone.engine.chat.jinja.Value.None;
import dev.turnstone.engine.chat.jinja.Value.Range;
import dev.turnstone.engine.chat.jinja.Value.Sequence;
import dev.turnstone.engine.chat.jinja.Value.Text;
import dev.turnstone.engine.chat.jinja.Value.Undefined;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// `a.b`, `a[b]` and `a[b:c:d]`, as jinja2's immutable sandbox resolves them.
final class Lookup {
  private Lookup() {}

  /// `target.name`: an attribute, else an element, else undefined.
  static Value attribute(Value target, String name, Budget budget) {
    if (target instanceof Undefined undefined) throw undefined.refused();
    Optional<Value> attribute = own(target, name, budget);
    if (attribute.isPresent()) return attribute.get();
    if (target instanceof Dict dict) {
      Value element = dict.entries().get(Values.of(name));
      if (element != null) return element;
    }
    return missing(target, Values.of(name), budget);
  }

  /// `target[key]`: an element, else an attribute, else undefined.
  static Value item(Value target, Value key, Budget budget) {
    switch (target) {
      case Undefined undefined -> throw undefined.refused();
      case Dict dict -> {
        if (!(key instanceof Sequence list && !list.tuple()) && !(key instanceof Dict)) {
          Value element = dict.entries().get(Operations.hashable(key, budget));
          if (element != null) return element;
        }
      }
      case Text text when Numbers.isWhole(key) -> {
        Optional<Value> letter = letter(text, Numbers.index(key));
        if (letter.isPresent()) return letter.get();
      }
      case Sequence _, Range _ when Numbers.isWhole(key) -> {
        List<Value> items = Operations.items(target, budget);
        int index = Numbers.index(key);
        if (index < 0) index += items.size();
        if (index >= 0 && index < items.size()) return items.get(index);
      }
      default -> {}
    }
    if (key instanceof Text name) {
      Optional<Value> attribute = own(target, name.value(), budget);
      if (attribute.isPresent()) return attribute.get();
    }
    return missing(target, key, budget);
  }

  private static Optional<Value> letter(Text text, int index) {
    int length = PythonText.length(text.value());
    int at = index < 0 ? index + length : index;
    if (at < 0 || at >= length) return Optional.empty();
    int start = text.value().offsetByCodePoints(0, at);
    return Optional.of(new Text(Character.toString(text.value().codePointAt(start)), text.safe()));
  }

  /// What Python's `getattr` finds on the type.
  private static Optional<Value> own(Value target, String name, Budget budget) {
    if (name.startsWith("__")) return Optional.of(unsafe(target, name));
    return switch (target) {
      case Namespace namespace -> Optional.ofNullable(namespace.attributes().get(name));
      case Loop loop -> loop.attribute(name);
      default -> Methods.find(target, name, budget);
    };
  }

  static Undefined unsafe(Value target, String name) {
    return new Undefined(
        "SecurityError: access to attribute '"
            + name
            + "' of '"
            + target.type()
            + "' object is unsafe.");
  }

  private static Undefined missing(Value target, Value key, Budget budget) {
    String object = target instanceof None ? "None" : target.type() + " object";
    if (key instanceof Text name)
      return Undefined.because(
          "'" + object + "' has no attribute " + Printing.repr(new Text(name.value()), budget));
    return Undefined.because(object + " has no element " + Printing.repr(key, budget));
  }

  /// `target[start:stop:step]`, each bound None if it is left out.
  static Value slice(Value target, Value start, Value stop, Value step, Budget budget) {
    return switch (target) {
      case Undefined undefined -> throw undefined.refused();
      case Text text -> {
        int[] letters = text.value().codePoints().toArray();
        StringBuilder made = new StringBuilder();
        for (int i : indices(letters.length, start, stop, step)) made.appendCodePoint(letters[i]);
        yield new Text(budget.paid(made.toString()), text.safe());
      }
      case Sequence(List<Value> items, boolean tuple) ->
          new Sequence(pick(items, start, stop, step, budget), tuple);
      // Python gives a range again, which prints otherwise; no template does that.
      case Range range -> Values.list(pick(range.items(), start, stop, step, budget));
      default ->
          throw TemplateException.type("'" + target.type() + "' object is not subscriptable");
    };
  }

  private static List<Value> pick(
      List<Value> items, Value start, Value stop, Value step, Budget budget) {
    boolean head = stop instanceof None && step instanceof None && Numbers.isWhole(start);
    if (head) {
      int from = Math.clamp(bound(start, items.size()), 0, items.size());
      return items.subList(from, items.size());
    }
    List<Integer> indices = indices(items.size(), start, stop, step);
    budget.allocate(indices.size());
    List<Value> picked = new ArrayList<>(indices.size());
    for (int i : indices) picked.add(items.get(i));
    return picked;
  }

  private static List<Integer> indices(int length, Value start, Value stop, Value step) {
    int by = step instanceof None ? 1 : sliceIndex(step);
    if (by == 0) throw TemplateException.render("ValueError: slice step cannot be zero");
    int low = by > 0 ? 0 : -1;
    int high = by > 0 ? length : length - 1;
    int from =
        start instanceof None ? (by > 0 ? low : high) : Math.clamp(bound(start, length), low, high);
    int to =
        stop instanceof None ? (by > 0 ? high : low) : Math.clamp(bound(stop, length), low, high);
    List<Integer> indices = new ArrayList<>();
    for (long i = from; by > 0 ? i < to : i > to; i += by) indices.add((int) i);
    return indices;
  }

  private static long bound(Value index, int length) {
    long at = sliceIndex(index);
    return at < 0 ? at + length : at;
  }

  private static int sliceIndex(Value index) {
    if (Numbers.isWhole(index)) return Numbers.index(index);
    if (index instanceof Undefined undefined) throw undefined.refused();
    throw TemplateException.type(
        "slice indices must be integers or None or have an __index__ method");
  }
}
