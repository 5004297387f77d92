package dev.turnstone.engine.chat.jinja;

import dev.turnstone.engine.chat.jinja.Value.Undefined;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// The names that an expression sees: those of its loop body or macro, then those around it.
final class Scope {
  private final @Nullable Scope outer;
  private final Map<String, Value> names;
  private final Budget budget;

  private Scope(@Nullable Scope outer, Map<String, Value> names, Budget budget) {
    this.outer = outer;
    this.names = names;
    this.budget = budget;
  }

  static Scope root(Map<String, Value> names, Budget budget) {
    return new Scope(null, names, budget);
  }

  Scope inner() {
    return new Scope(this, HashMap.newHashMap(4), budget);
  }

  Budget budget() {
    return budget;
  }

  Value get(String name) {
    for (Scope scope = this; scope != null; scope = scope.outer) {
      Value value = scope.names.get(name);
      if (value != null) return value;
    }
    return Undefined.because("'" + name + "' is undefined");
  }

  void set(String name, Value value) {
    names.put(name, value);
  }
}
