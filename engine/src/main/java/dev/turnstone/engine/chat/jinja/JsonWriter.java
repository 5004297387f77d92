package dev.turnstone.engine.chat.jinja;

import dev.turnstone.engine.chat.jinja.Value.Bool;
import dev.turnstone.engine.chat.jinja.Value.Dict;
import dev.turnstone.engine.chat.jinja.Value.Int;
import dev.turnstone.engine.chat.jinja.Value.None;
import dev.turnstone.engine.chat.jinja.Value.Real;
import dev.turnstone.engine.chat.jinja.Value.Sequence;
import dev.turnstone.engine.chat.jinja.Value.Text;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// Python's `json.dumps`.
final class JsonWriter {
  /// How to write.
  ///
  /// @param indent text per level; lines are broken if `broken`
  record Style(
      boolean ascii, boolean broken, String indent, String between, String colon, boolean sorted) {
    static final Style PYTHON = new Style(false, false, "", ", ", ": ", false);
  }

  private final Style style;
  private final Budget budget;
  private final StringBuilder out = new StringBuilder();
  private int paid;

  private JsonWriter(Style style, Budget budget) {
    this.style = style;
    this.budget = budget;
  }

  static String write(Value value, Style style, Budget budget) {
    var writer = new JsonWriter(style, budget);
    writer.value(value, 0);
    return writer.out.toString();
  }

  private void value(Value value, int depth) {
    budget.step();
    budget.allocate(out.length() - paid);
    paid = out.length();
    Budget.nested(depth);
    switch (value) {
      case None _ -> out.append("null");
      case Bool bool -> out.append(bool.value());
      case Int number -> out.append(number.value());
      case Real number -> out.append(real(number.value()));
      case Text text -> quote(text.value());
      case Sequence sequence -> list(sequence.items(), depth);
      case Dict dict -> object(dict, depth);
      default ->
          throw TemplateException.type(
              "Object of type " + value.type() + " is not JSON serializable");
    }
  }

  private static String real(double value) {
    if (Double.isNaN(value)) return "NaN";
    if (Double.isInfinite(value)) return value > 0 ? "Infinity" : "-Infinity";
    return Printing.real(value);
  }

  private void list(List<Value> items, int depth) {
    if (items.isEmpty()) {
      out.append("[]");
      return;
    }
    out.append('[');
    for (int i = 0; i < items.size(); i++) {
      if (i > 0) out.append(style.between());
      newline(depth + 1);
      value(items.get(i), depth + 1);
    }
    newline(depth);
    out.append(']');
  }

  private void object(Dict dict, int depth) {
    if (dict.entries().isEmpty()) {
      out.append("{}");
      return;
    }
    List<Map.Entry<Value, Value>> entries = new ArrayList<>(dict.entries().entrySet());
    if (style.sorted()) entries.sort((a, b) -> Operations.order(a.getKey(), b.getKey(), budget));
    out.append('{');
    boolean first = true;
    for (Map.Entry<Value, Value> entry : entries) {
      if (!first) out.append(style.between());
      first = false;
      newline(depth + 1);
      quote(key(entry.getKey()));
      out.append(style.colon());
      value(entry.getValue(), depth + 1);
    }
    newline(depth);
    out.append('}');
  }

  private static String key(Value key) {
    return switch (key) {
      case Text text -> text.value();
      case None _ -> "null";
      case Bool bool -> String.valueOf(bool.value());
      case Int number -> number.value().toString();
      case Real number -> real(number.value());
      default ->
          throw TemplateException.type(
              "keys must be str, int, float, bool or None, not " + key.type());
    };
  }

  private void newline(int depth) {
    if (!style.broken()) return;
    out.append('\n').repeat(style.indent(), depth);
  }

  private void quote(String text) {
    out.append('"');
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '"' -> out.append("\\\"");
        case '\\' -> out.append("\\\\");
        case '\n' -> out.append("\\n");
        case '\r' -> out.append("\\r");
        case '\t' -> out.append("\\t");
        case '\b' -> out.append("\\b");
        case '\f' -> out.append("\\f");
        default -> {
          if (c < ' ' || (style.ascii() && c > '~')) out.append(String.format("\\u%04x", (int) c));
          else out.append(c);
        }
      }
    }
    out.append('"');
  }
}
