package dev.turnstone.engine.chat.jinja;

import dev.turnstone.engine.chat.jinja.Arguments.Bound;
import dev.turnstone.engine.chat.jinja.Value.Bool;
import dev.turnstone.engine.chat.jinja.Value.Dict;
import dev.turnstone.engine.chat.jinja.Value.Generator;
import dev.turnstone.engine.chat.jinja.Value.None;
import dev.turnstone.engine.chat.jinja.Value.Range;
import dev.turnstone.engine.chat.jinja.Value.Real;
import dev.turnstone.engine.chat.jinja.Value.Sequence;
import dev.turnstone.engine.chat.jinja.Value.Text;
import dev.turnstone.engine.chat.jinja.Value.Undefined;
import dev.turnstone.engine.chat.jinja.Value.View;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.util.Optional;

/// The filters that give numbers.
final class NumberFilters {
  private NumberFilters() {}

  static Value abs(Value value, Arguments arguments, Budget budget) {
    if (value instanceof Undefined undefined) throw undefined.refused();
    return value instanceof Real real
        ? new Real(Math.abs(real.value()))
        : new Value.Int(Numbers.whole(value).abs());
  }

  static Value round(Value value, Arguments arguments, Budget budget) {
    Bound bound = arguments.bind("round", 0, "precision", "method");
    int places = Math.clamp(bound.index(0, 0), -400, 400);
    String method = bound.has(1) ? bound.text(1) : "common";
    if (value instanceof Undefined undefined) throw undefined.refused();
    RoundingMode mode =
        switch (method) {
          case "common" -> RoundingMode.HALF_EVEN;
          case "ceil" -> RoundingMode.CEILING;
          case "floor" -> RoundingMode.FLOOR;
          default ->
              throw TemplateException.render(
                  "FilterArgumentError: method must be common, ceil or floor");
        };
    if (Numbers.isWhole(value) && method.equals("common"))
      return new Value.Int(
          new BigDecimal(Numbers.whole(value)).setScale(Math.min(places, 0), mode).toBigInteger());
    double number = Numbers.real(value);
    if (!Double.isFinite(number)) return value;
    if (method.equals("common"))
      return new Real(new BigDecimal(number).setScale(places, mode).doubleValue());
    double scale = Math.pow(10, places);
    return new Real(
        (mode == RoundingMode.CEILING ? Math.ceil(number * scale) : Math.floor(number * scale))
            / scale);
  }

  static Value toInt(Value value, Arguments arguments, Budget budget) {
    Bound bound = arguments.bind("int", 0, "default", "base");
    Value otherwise = bound.or(0, Values.of(0));
    if (Numbers.isWhole(value)) return new Value.Int(Numbers.whole(value));
    if (value instanceof Real real)
      return Double.isFinite(real.value()) ? toWhole(real.value()) : otherwise;
    if (value instanceof Undefined undefined) throw undefined.refused();
    if (!(value instanceof Text text)) return otherwise;
    String digits = PythonText.strip(text.value());
    int base = bound.index(1, 10);
    Optional<BigInteger> whole = Lexer.wholeNumber(digits, base);
    if (whole.isPresent()) return new Value.Int(whole.get());
    return Lexer.realNumber(digits)
        .filter(Double::isFinite)
        .map(NumberFilters::toWhole)
        .orElse(otherwise);
  }

  static Value toWhole(double number) {
    return new Value.Int(new BigDecimal(number).toBigInteger());
  }

  static Value toReal(Value value, Arguments arguments, Budget budget) {
    Value otherwise = arguments.bind("float", 0, "default").or(0, new Real(0));
    return switch (value) {
      case Real _ -> value;
      case Value.Int _, Bool _ -> new Real(Numbers.real(value));
      case Text text ->
          Lexer.realNumber(PythonText.strip(text.value())).<Value>map(Real::new).orElse(otherwise);
      case Undefined undefined -> throw undefined.refused();
      case None _,
          Sequence _,
          Dict _,
          View _,
          Range _,
          Generator _,
          Loop _,
          Value.Namespace _,
          Value.Function _ ->
          otherwise;
    };
  }
}
