package dev.turnstone.engine.chat.jinja;

import java.math.BigInteger;
import java.util.ArrayDeque;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;

/// A value of the template language; it means what the Python value of the same type means.
///
/// All are immutable but [Namespace], which templates write to, and [Generator], which is read
/// once.
sealed interface Value
    permits Value.None,
        Value.Bool,
        Value.Int,
        Value.Real,
        Value.Text,
        Value.Sequence,
        Value.Dict,
        Value.View,
        Value.Range,
        Value.Generator,
        Value.Namespace,
        Value.Function,
        Value.Undefined,
        Loop {
  /// Python's name of the type.
  default String type() {
    return switch (this) {
      case None _ -> "NoneType";
      case Bool _ -> "bool";
      case Int _ -> "int";
      case Real _ -> "float";
      case Text text -> text.safe() ? "Markup" : "str";
      case Sequence sequence -> sequence.tuple() ? "tuple" : "list";
      case Dict _ -> "dict";
      case View view -> view.name();
      case Range _ -> "range";
      case Generator _ -> "generator";
      case Namespace _ -> "Namespace";
      case Loop _ -> "LoopContext";
      case Function _ -> "function";
      case Undefined _ -> "Undefined";
    };
  }

  record None() implements Value {}

  record Bool(boolean value) implements Value {
    @Override
    public boolean equals(Object other) {
      return other instanceof Value that && Numbers.sameNumber(this, that);
    }

    @Override
    public int hashCode() {
      return Numbers.hash(this);
    }
  }

  record Int(BigInteger value) implements Value {
    @Override
    public boolean equals(Object other) {
      return other instanceof Value that && Numbers.sameNumber(this, that);
    }

    @Override
    public int hashCode() {
      return Numbers.hash(this);
    }
  }

  record Real(double value) implements Value {
    @Override
    public boolean equals(Object other) {
      return other instanceof Value that && Numbers.sameNumber(this, that);
    }

    @Override
    public int hashCode() {
      return Numbers.hash(this);
    }
  }

  /// A string.
  ///
  /// @param safe made by the filter `safe`: joined with `+`, the other side is HTML-escaped
  record Text(String value, boolean safe) implements Value {
    public Text(String value) {
      this(value, false);
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof Text that && value.equals(that.value);
    }

    @Override
    public int hashCode() {
      return value.hashCode();
    }
  }

  /// A list or a tuple.
  record Sequence(List<Value> items, boolean tuple) implements Value {}

  /// A dict, in the order of insertion.
  record Dict(Map<Value, Value> entries) implements Value {
    static final Dict EMPTY = new Dict(Map.of());

    public Dict {
      entries = Collections.unmodifiableMap(entries);
    }

    static Dict of(Map<String, Value> named) {
      Map<Value, Value> entries = LinkedHashMap.newLinkedHashMap(named.size());
      named.forEach((name, value) -> entries.put(Values.of(name), value));
      return new Dict(entries);
    }
  }

  /// What `dict.keys()`, `dict.values()` and `dict.items()` give.
  ///
  /// @param name Python's name, such as `dict_keys`
  record View(String name, List<Value> items) implements Value {}

  record Range(long start, long stop, long step, List<Value> items) implements Value {}

  /// What lazy filters give: read once, then empty.
  record Generator(Queue<Value> rest) implements Value {
    static Generator of(List<Value> items) {
      return new Generator(new ArrayDeque<>(items));
    }
  }

  /// What `namespace()` gives: the only value that a template can write to.
  record Namespace(Map<String, Value> attributes) implements Value {
    @Override
    public boolean equals(Object other) {
      return this == other;
    }

    @Override
    public int hashCode() {
      return System.identityHashCode(this);
    }
  }

  /// A function of the environment, a method bound to its value, or a macro.
  record Function(String name, Body body) implements Value {
    @FunctionalInterface
    interface Body {
      Value call(Arguments arguments, Budget budget);
    }
  }

  /// What a name, attribute or element that does not exist gives: prints as nothing, refuses the
  /// rest.
  ///
  /// @param error what an operation on it says
  record Undefined(String error) implements Value {
    static Undefined because(String why) {
      return new Undefined("UndefinedError: " + why);
    }

    TemplateException refused() {
      return TemplateException.render(error);
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof Undefined;
    }

    @Override
    public int hashCode() {
      return 0;
    }
  }
}
