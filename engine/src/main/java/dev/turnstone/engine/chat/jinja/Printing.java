package dev.turnstone.engine.chat.jinja;

import dev.turnstone.engine.chat.jinja.Value.Bool;
import dev.turnstone.engine.chat.jinja.Value.Dict;
import dev.turnstone.engine.chat.jinja.Value.Int;
import dev.turnstone.engine.chat.jinja.Value.None;
import dev.turnstone.engine.chat.jinja.Value.Range;
import dev.turnstone.engine.chat.jinja.Value.Real;
import dev.turnstone.engine.chat.jinja.Value.Sequence;
import dev.turnstone.engine.chat.jinja.Value.Text;
import dev.turnstone.engine.chat.jinja.Value.Undefined;
import dev.turnstone.engine.chat.jinja.Value.View;
import java.math.BigDecimal;
import java.util.List;
import java.util.Map;

/// Python's `str()` and `repr()`.
final class Printing {
  private Printing() {}

  static String text(Value value, Budget budget) {
    return switch (value) {
      case Text text -> text.value();
      case Undefined _ -> "";
      default -> repr(value, budget);
    };
  }

  static String repr(Value value, Budget budget) {
    if (value instanceof Bool bool) return bool.value() ? "True" : "False";
    if (value instanceof Int number) return number.value().toString();
    StringBuilder out = new StringBuilder();
    repr(value, out, budget, 0);
    return out.toString();
  }

  private static void repr(Value value, StringBuilder out, Budget budget, int depth) {
    budget.step();
    Budget.nested(depth);
    int before = out.length();
    switch (value) {
      case None _ -> out.append("None");
      case Bool bool -> out.append(bool.value() ? "True" : "False");
      case Int number -> out.append(number.value());
      case Real number -> out.append(real(number.value()));
      case Text text when text.safe() -> {
        out.append("Markup(");
        quote(text.value(), out);
        out.append(')');
      }
      case Text text -> quote(text.value(), out);
      case Undefined _ -> out.append("Undefined");
      case Sequence tuple when tuple.tuple() && tuple.items().size() == 1 -> {
        repr(tuple.items().getFirst(), out.append('('), budget, depth + 1);
        out.append(",)");
      }
      case Sequence(List<Value> items, boolean tuple) ->
          items(tuple ? "(" : "[", items, tuple ? ")" : "]", out, budget, depth);
      case View(String name, List<Value> items) ->
          items(name + "([", items, "])", out, budget, depth);
      case Dict dict -> entries(dict, out, budget, depth);
      case Range range ->
          out.append("range(")
              .append(range.start())
              .append(", ")
              .append(range.stop())
              .append(range.step() == 1 ? "" : ", " + range.step())
              .append(')');
      default ->
          // Python prints an address here; no template can mean that.
          throw TemplateException.type("a " + value.type() + " cannot be printed");
    }
    if (!(value instanceof Sequence || value instanceof Dict || value instanceof View))
      budget.allocate(out.length() - before);
  }

  private static void items(
      String open, List<Value> items, String close, StringBuilder out, Budget budget, int depth) {
    out.append(open);
    String separator = "";
    for (Value item : items) {
      repr(item, out.append(separator), budget, depth + 1);
      separator = ", ";
    }
    out.append(close);
  }

  private static void entries(Dict dict, StringBuilder out, Budget budget, int depth) {
    out.append('{');
    String separator = "";
    for (Map.Entry<Value, Value> entry : dict.entries().entrySet()) {
      repr(entry.getKey(), out.append(separator), budget, depth + 1);
      repr(entry.getValue(), out.append(": "), budget, depth + 1);
      separator = ", ";
    }
    out.append('}');
  }

  /// A float as Python prints it: the shortest digits that read back the same.
  static String real(double value) {
    if (Double.isNaN(value)) return "nan";
    if (Double.isInfinite(value)) return value > 0 ? "inf" : "-inf";
    if (value == 0) return 1 / value < 0 ? "-0.0" : "0.0";
    BigDecimal decimal = new BigDecimal(Double.toString(value)).stripTrailingZeros();
    int exponent = decimal.precision() - decimal.scale() - 1;
    if (exponent >= -4 && exponent < 16) {
      String plain = decimal.toPlainString();
      return plain.indexOf('.') < 0 ? plain + ".0" : plain;
    }
    String digits = decimal.unscaledValue().abs().toString();
    String fraction = digits.length() > 1 ? "." + digits.substring(1) : "";
    String padding = Math.abs(exponent) < 10 ? "0" : "";
    return (value < 0 ? "-" : "")
        + digits.charAt(0)
        + fraction
        + (exponent < 0 ? "e-" : "e+")
        + padding
        + Math.abs(exponent);
  }

  private static void quote(String text, StringBuilder out) {
    char quote = text.indexOf('\'') >= 0 && text.indexOf('"') < 0 ? '"' : '\'';
    out.append(quote);
    text.codePoints()
        .forEach(c -> {
          switch (c) {
            case '\\' -> out.append("\\\\");
            case '\n' -> out.append("\\n");
            case '\r' -> out.append("\\r");
            case '\t' -> out.append("\\t");
            default -> {
              if (c == quote) out.append('\\').append(quote);
              else if (isPrintable(c)) out.appendCodePoint(c);
              else if (c < 0x100) out.append(String.format("\\x%02x", c));
              else if (c < 0x10000) out.append(String.format("\\u%04x", c));
              else out.append(String.format("\\U%08x", c));
            }
          }
        });
    out.append(quote);
  }

  static boolean isPrintable(int c) {
    if (c == ' ') return true;
    return switch (Character.getType(c)) {
      case Character.CONTROL,
          Character.FORMAT,
          Character.SURROGATE,
          Character.PRIVATE_USE,
          Character.UNASSIGNED,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR,
          Character.SPACE_SEPARATOR ->
          false;
      default -> true;
    };
  }
}
