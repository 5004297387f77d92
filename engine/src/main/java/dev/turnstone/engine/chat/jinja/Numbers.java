package dev.turnstone.engine.chat.jinja;

import dev.turnstone.engine.chat.jinja.Value.Bool;
import dev.turnstone.engine.chat.jinja.Value.Int;
import dev.turnstone.engine.chat.jinja.Value.Real;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;

/// Python's arithmetic: whole numbers without bound, bool as 0 and 1, floor division.
final class Numbers {
  /// Bits that a power may have.
  private static final int MAX_BITS = 1 << 16;

  private Numbers() {}

  static boolean isNumber(Value value) {
    return value instanceof Int || value instanceof Real || value instanceof Bool;
  }

  static boolean isWhole(Value value) {
    return value instanceof Int || value instanceof Bool;
  }

  /// The whole number that an int or bool is.
  static BigInteger whole(Value value) {
    return switch (value) {
      case Int number -> number.value();
      case Bool bool -> bool.value() ? BigInteger.ONE : BigInteger.ZERO;
      default ->
          throw TemplateException.type(
              "'" + value.type() + "' object cannot be interpreted as an integer");
    };
  }

  static double real(Value value) {
    return value instanceof Real number ? number.value() : whole(value).doubleValue();
  }

  /// An int small enough to index or count with; larger ones become the nearest that is.
  static int index(Value value) {
    BigInteger number = whole(value);
    if (number.bitLength() < Integer.SIZE) return number.intValue();
    return number.signum() < 0 ? -Integer.MAX_VALUE : Integer.MAX_VALUE;
  }

  static boolean sameNumber(Value left, Value right) {
    if (!isNumber(left) || !isNumber(right)) return false;
    if (isWhole(left) && isWhole(right)) return whole(left).equals(whole(right));
    return !isNan(left) && !isNan(right) && compare(left, right) == 0;
  }

  static int hash(Value value) {
    double real = real(value);
    if (isWhole(value)) return whole(value).hashCode();
    return Double.isFinite(real) && real == Math.rint(real)
        ? new BigDecimal(real).toBigInteger().hashCode()
        : Double.hashCode(real);
  }

  static boolean isNan(Value value) {
    return value instanceof Real number && Double.isNaN(number.value());
  }

  static int compare(Value left, Value right) {
    if (isWhole(left) && isWhole(right)) return whole(left).compareTo(whole(right));
    double a = real(left);
    double b = real(right);
    if (!Double.isFinite(a) || !Double.isFinite(b)) return Double.compare(a, b);
    return exact(left).compareTo(exact(right));
  }

  private static BigDecimal exact(Value value) {
    return value instanceof Real number
        ? new BigDecimal(number.value())
        : new BigDecimal(whole(value));
  }

  static Value arithmetic(Operator operator, Value left, Value right) {
    if (operator == Operator.DIVIDE) return divide(left, right);
    return isWhole(left) && isWhole(right)
        ? wholes(operator, whole(left), whole(right))
        : reals(operator, real(left), real(right));
  }

  private static Value wholes(Operator operator, BigInteger a, BigInteger b) {
    return switch (operator) {
      case ADD -> new Int(a.add(b));
      case SUBTRACT -> new Int(a.subtract(b));
      case MULTIPLY -> {
        if ((long) a.bitLength() + b.bitLength() > MAX_BITS) throw tooLarge();
        yield new Int(a.multiply(b));
      }
      case FLOOR_DIVIDE -> new Int(floorDivide(a, b));
      case MODULO -> new Int(a.subtract(floorDivide(a, b).multiply(b)));
      case POWER -> power(a, b);
      case DIVIDE -> throw new AssertionError("division gives a float");
    };
  }

  private static BigInteger floorDivide(BigInteger a, BigInteger b) {
    if (b.signum() == 0) throw zero("integer division or modulo by zero");
    BigInteger[] parts = a.divideAndRemainder(b);
    boolean below = parts[1].signum() != 0 && parts[1].signum() != b.signum();
    return below ? parts[0].subtract(BigInteger.ONE) : parts[0];
  }

  private static Value power(BigInteger a, BigInteger b) {
    if (b.signum() < 0) {
      if (a.signum() == 0) throw zero("0.0 cannot be raised to a negative power");
      return new Real(Math.pow(a.doubleValue(), b.doubleValue()));
    }
    if (a.bitLength() <= 1) return new Int(a.pow(b.testBit(0) ? 1 : (b.signum() == 0 ? 0 : 2)));
    if (b.bitLength() > 31 || (long) a.bitLength() * b.intValue() > MAX_BITS) throw tooLarge();
    return new Int(a.pow(b.intValueExact()));
  }

  private static Value reals(Operator operator, double a, double b) {
    return new Real(
        switch (operator) {
          case ADD -> a + b;
          case SUBTRACT -> a - b;
          case MULTIPLY -> a * b;
          case FLOOR_DIVIDE -> {
            if (b == 0) throw zero("float floor division by zero");
            yield Math.floor(a / b);
          }
          case MODULO -> {
            if (b == 0) throw zero("float modulo");
            double rest = a % b;
            yield rest != 0 && Math.signum(rest) != Math.signum(b) ? rest + b : rest;
          }
          case POWER -> Math.pow(a, b);
          case DIVIDE -> throw new AssertionError("handled by divide");
        });
  }

  private static Value divide(Value left, Value right) {
    if (real(right) == 0) throw zero("division by zero");
    if (!isWhole(left) || !isWhole(right)) return new Real(real(left) / real(right));
    BigInteger a = whole(left);
    BigInteger b = whole(right);
    if (a.bitLength() <= 53 && b.bitLength() <= 53)
      return new Real(a.doubleValue() / b.doubleValue());
    return new Real(new BigDecimal(a).divide(new BigDecimal(b), new MathContext(60)).doubleValue());
  }

  private static TemplateException zero(String sentence) {
    return TemplateException.render("ZeroDivisionError: " + sentence);
  }

  private static TemplateException tooLarge() {
    return TemplateException.limit("made a number of more than " + MAX_BITS + " bits");
  }
}
