package dev.turnstone.engine.chat.jinja;

import java.util.List;
import java.util.Optional;

/// What `loop` is in the body of a `for`.
final class Loop implements Value {
  private final List<Value> items;
  private int index;
  private Optional<List<Value>> lastChanged = Optional.empty();

  Loop(List<Value> items) {
    this.items = items;
  }

  void moveTo(int newIndex) {
    index = newIndex;
  }

  int length() {
    return items.size();
  }

  Optional<Value> attribute(String name) {
    return Optional.ofNullable(
        switch (name) {
          case "index" -> Values.of(index + 1L);
          case "index0" -> Values.of(index);
          case "revindex" -> Values.of(items.size() - (long) index);
          case "revindex0" -> Values.of(items.size() - index - 1L);
          case "first" -> Values.of(index == 0);
          case "last" -> Values.of(index == items.size() - 1);
          case "length" -> Values.of(items.size());
          case "depth" -> Values.of(1);
          case "depth0" -> Values.of(0);
          case "previtem" ->
              index > 0 ? items.get(index - 1) : Undefined.because("there is no previous item");
          case "nextitem" ->
              index + 1 < items.size()
                  ? items.get(index + 1)
                  : Undefined.because("there is no next item");
          case "cycle" -> new Function("cycle", (arguments, _) -> cycle(arguments));
          case "changed" -> new Function("changed", this::changed);
          default -> null;
        });
  }

  private Value cycle(Arguments arguments) {
    List<Value> values = arguments.positional();
    if (values.isEmpty()) throw TemplateException.type("no items for cycling given");
    return values.get(index % values.size());
  }

  private Value changed(Arguments arguments, Budget budget) {
    List<Value> now = arguments.positional();
    boolean same =
        lastChanged.isPresent()
            && Operations.same(
                new Sequence(lastChanged.get(), true), new Sequence(now, true), budget);
    lastChanged = Optional.of(now);
    return Values.of(!same);
  }
}
