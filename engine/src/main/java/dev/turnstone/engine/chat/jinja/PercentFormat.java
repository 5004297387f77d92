package dev.turnstone.engine.chat.jinja;

import dev.turnstone.engine.chat.jinja.Value.Dict;
import dev.turnstone.engine.chat.jinja.Value.Real;
import dev.turnstone.engine.chat.jinja.Value.Sequence;
import dev.turnstone.engine.chat.jinja.Value.Text;
import dev.turnstone.engine.chat.jinja.Value.Undefined;
import java.util.Iterator;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Python's `'%s and %d' % values`.
final class PercentFormat {
  private static final Pattern FIELD =
      Pattern.compile(
          "%(?:\\(([^)]*)\\))?([-+ 0#]*)(\\d{0,6})(?:\\.(\\d{0,6}))?[hlL]?(.)?", Pattern.DOTALL);

  private PercentFormat() {}

  static String apply(Text template, Value values, Budget budget) {
    boolean tuple = values instanceof Sequence sequence && sequence.tuple();
    List<Value> items = tuple ? ((Sequence) values).items() : List.of(values);
    Iterator<Value> rest = items.iterator();
    StringBuilder made = new StringBuilder();
    boolean named = false;
    int end = 0;
    Matcher field = FIELD.matcher(template.value());
    while (field.find()) {
      made.append(template.value(), end, field.start());
      end = field.end();
      if (field.group(5) == null) throw TemplateException.render("ValueError: incomplete format");
      if (field.group(5).equals("%")) {
        made.append('%');
        continue;
      }
      Value value;
      if (field.group(1) != null) {
        named = true;
        if (!(values instanceof Dict)) throw TemplateException.type("format requires a mapping");
        value = Lookup.item(values, Values.of(field.group(1)), budget);
        if (value instanceof Undefined)
          throw TemplateException.render("KeyError: '" + field.group(1) + "'");
      } else {
        if (!rest.hasNext()) throw TemplateException.type("not enough arguments for format string");
        value = rest.next();
      }
      made.append(budget.paid(field(field, value, template.safe(), budget)));
    }
    boolean lookedUp =
        values instanceof Dict
            || values instanceof Undefined
            || (values instanceof Sequence && !tuple);
    if (rest.hasNext() && !named && !lookedUp)
      throw TemplateException.type("not all arguments converted during string formatting");
    return made.append(template.value(), end, template.value().length()).toString();
  }

  private static String field(Matcher field, Value value, boolean escape, Budget budget) {
    String flags = field.group(2);
    char type = field.group(5).charAt(0);
    boolean left = flags.contains("-");
    boolean text = "sra".indexOf(type) >= 0;
    String spec =
        (left ? "<" : text ? ">" : "")
            + (flags.contains("+") && !text ? "+" : flags.contains(" ") && !text ? " " : "")
            + (flags.contains("0") && !left && !text ? "0" : "")
            + field.group(3)
            + (field.group(4) != null
                ? "." + (field.group(4).isEmpty() ? "0" : field.group(4))
                : "");
    if (type == 'c' && value instanceof Text letter) return letter.value();
    return switch (type) {
      case 's', 'r', 'a' -> {
        String shown = type == 's' ? Printing.text(value, budget) : Printing.repr(value, budget);
        if (escape && !(value instanceof Text safe && safe.safe()))
          shown = PythonText.escape(new Text(shown));
        yield FormatSpec.parse(spec + "s").format(new Text(shown), budget);
      }
      case 'd', 'i', 'u' -> {
        requireNumber(value, type);
        Value whole = value instanceof Real real ? NumberFilters.toWhole(real.value()) : value;
        yield FormatSpec.parse(spec + "d").format(new Value.Int(Numbers.whole(whole)), budget);
      }
      case 'f', 'F', 'e', 'E', 'g', 'G' -> {
        requireNumber(value, type);
        yield FormatSpec.parse(spec + type).format(new Real(Numbers.real(value)), budget);
      }
      case 'x', 'X', 'o', 'c' ->
          FormatSpec.parse(spec + type).format(new Value.Int(Numbers.whole(value)), budget);
      default ->
          throw TemplateException.render("ValueError: unsupported format character '" + type + "'");
    };
  }

  private static void requireNumber(Value value, char type) {
    if (!Numbers.isNumber(value))
      throw TemplateException.type(
          "%" + type + " format: a real number is required, not " + value.type());
  }
}
