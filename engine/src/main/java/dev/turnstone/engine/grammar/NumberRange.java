package dev.turnstone.engine.grammar;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Decimal numbers within bounds, written without an exponent.
final class NumberRange {
  /// @param exclusive whether the bound itself lies outside
  record Bound(BigDecimal value, boolean exclusive) {
    private Bound negated() {
      return new Bound(value.negate(), exclusive);
    }
  }

  private NumberRange() {}

  /// @param whole whether only integers are meant
  static Part of(Optional<Bound> low, Optional<Bound> high, boolean whole) {
    List<Part> ways = new ArrayList<>();
    boolean positive = high.isEmpty() || high.get().value().signum() >= 0;
    if (positive) ways.add(magnitudes(low.filter(b -> b.value().signum() >= 0), high, whole));
    if (low.isEmpty() || low.get().value().signum() < 0)
      ways.add(
          Part.sequence(
              Part.literal("-"),
              magnitudes(
                  high.filter(b -> b.value().signum() <= 0).map(Bound::negated),
                  low.map(Bound::negated),
                  whole)));
    return Part.oneOf(ways);
  }

  /// Numbers that are not negative; no lower bound is 0 itself.
  private static Part magnitudes(Optional<Bound> low, Optional<Bound> high, boolean whole) {
    BigDecimal least = low.map(Bound::value).orElse(BigDecimal.ZERO);
    boolean above = low.map(Bound::exclusive).orElse(false);
    if (whole) {
      BigDecimal from = least.setScale(0, RoundingMode.CEILING);
      if (above && from.compareTo(least) == 0) from = from.add(BigDecimal.ONE);
      Optional<BigDecimal> to = high.map(NumberRange::largestInteger);
      return integers(from, to);
    }
    BigDecimal first = least.setScale(0, RoundingMode.FLOOR);
    Part fraction = Part.optional(Part.sequence(Part.literal("."), JsonText.DIGITS));
    Optional<Bound> start = Optional.of(new Bound(least.subtract(first), above));
    if (high.isEmpty())
      return Part.oneOf(
          Part.sequence(text(first), new Fraction(start, Optional.empty()).part()),
          Part.sequence(integers(first.add(BigDecimal.ONE), Optional.empty()), fraction));
    BigDecimal last = high.get().value().setScale(0, RoundingMode.FLOOR);
    Optional<Bound> end =
        Optional.of(new Bound(high.get().value().subtract(last), high.get().exclusive()));
    if (first.compareTo(last) == 0) {
      Fraction both = new Fraction(start, end);
      return both.possible() ? Part.sequence(text(first), both.part()) : Part.IMPOSSIBLE;
    }
    BigDecimal second = first.add(BigDecimal.ONE);
    List<Part> ways = new ArrayList<>();
    ways.add(Part.sequence(text(first), new Fraction(start, Optional.empty()).part()));
    if (second.compareTo(last) < 0)
      ways.add(
          Part.sequence(integers(second, Optional.of(last.subtract(BigDecimal.ONE))), fraction));
    Fraction tail = new Fraction(Optional.empty(), end);
    if (tail.possible()) ways.add(Part.sequence(text(last), tail.part()));
    return Part.oneOf(ways);
  }

  private static BigDecimal largestInteger(Bound bound) {
    BigDecimal floor = bound.value().setScale(0, RoundingMode.FLOOR);
    boolean excluded = bound.exclusive() && floor.compareTo(bound.value()) == 0;
    return excluded ? floor.subtract(BigDecimal.ONE) : floor;
  }

  private static Part text(BigDecimal integer) {
    return Part.literal(integer.toPlainString());
  }

  /// Integers from 0 on between two bounds that belong to it.
  private static Part integers(BigDecimal from, Optional<BigDecimal> to) {
    List<Part> ways = new ArrayList<>();
    int shortest = from.toPlainString().length();
    int longest = to.map(t -> t.toPlainString().length()).orElse(shortest);
    for (int length = shortest; length <= longest; length++) {
      BigDecimal least = length == 1 ? BigDecimal.ZERO : BigDecimal.TEN.pow(length - 1);
      BigDecimal most = BigDecimal.TEN.pow(length).subtract(BigDecimal.ONE);
      BigDecimal low = from.max(least);
      BigDecimal high = to.map(most::min).orElse(most);
      if (low.compareTo(high) <= 0)
        ways.add(ByteRanges.between(digits(low), digits(high), '0', '9'));
    }
    if (to.isEmpty())
      ways.add(
          Part.sequence(
              Part.bytes(ByteSet.range('1', '9')),
              Part.repeated(Part.bytes(ByteSet.range('0', '9')), longest, Integer.MAX_VALUE)));
    return ways.isEmpty() ? Part.IMPOSSIBLE : Part.oneOf(ways);
  }

  private static int[] digits(BigDecimal integer) {
    return integer.toPlainString().chars().toArray();
  }

  /// The digits after the point, for the integers at which a bound lies. The states are how many
  /// digits there are, and which bounds' digits they still equal.
  private static final class Fraction {
    private final boolean hasLow;
    private final boolean hasHigh;
    private final boolean aboveLow;
    private final boolean belowHigh;
    private final String low;
    private final String high;
    private final Map<String, Node> built = new HashMap<>();

    Fraction(Optional<Bound> low, Optional<Bound> high) {
      this.hasLow = low.isPresent();
      this.hasHigh = high.isPresent();
      this.aboveLow = low.map(Bound::exclusive).orElse(false);
      this.belowHigh = high.map(Bound::exclusive).orElse(false);
      this.low = low.map(b -> digitsOf(b.value())).orElse("");
      this.high = high.map(b -> digitsOf(b.value())).orElse("");
    }

    private static String digitsOf(BigDecimal fraction) {
      if (fraction.signum() == 0) return "";
      String text = fraction.stripTrailingZeros().toPlainString();
      return text.substring(text.indexOf('.') + 1);
    }

    boolean possible() {
      return alive(0, hasLow, hasHigh);
    }

    Part part() {
      return next -> {
        List<Node> ways = new ArrayList<>();
        if (mayEnd(0, hasLow, hasHigh)) ways.add(next);
        ways.add(new Node.Bytes(ByteSet.of('.'), digit(0, hasLow, hasHigh, next)));
        return new Node.Split(ways);
      };
    }

    /// Reads the digit at a place.
    private Node digit(int at, boolean onLow, boolean onHigh, Node next) {
      int same = Math.min(at, Math.max(low.length(), high.length()));
      return built.computeIfAbsent(
          same + " " + onLow + " " + onHigh + " " + System.identityHashCode(next),
          _ -> new Node.Later(() -> build(same, onLow, onHigh, next)));
    }

    private Node build(int at, boolean onLow, boolean onHigh, Node next) {
      List<Node> ways = new ArrayList<>();
      for (int digit = '0'; digit <= '9'; digit++) {
        if ((onLow && digit < digitAt(low, at)) || (onHigh && digit > digitAt(high, at))) continue;
        boolean low = onLow && digit == digitAt(this.low, at);
        boolean high = onHigh && digit == digitAt(this.high, at);
        if (!alive(at + 1, low, high)) continue;
        List<Node> after = new ArrayList<>(List.of(digit(at + 1, low, high, next)));
        if (mayEnd(at + 1, low, high)) after.add(next);
        ways.add(new Node.Bytes(ByteSet.of(digit), new Node.Split(after)));
      }
      return new Node.Split(ways);
    }

    private static int digitAt(String digits, int at) {
      return at < digits.length() ? digits.charAt(at) : '0';
    }

    private boolean mayEnd(int at, boolean onLow, boolean onHigh) {
      if (onLow && (at < low.length() || aboveLow)) return false;
      return !onHigh || at < high.length() || !belowHigh;
    }

    /// Whether some digits lead to a number within the bounds. Digits end in none that is 0, so
    /// more of them are more than nothing.
    private boolean alive(int at, boolean onLow, boolean onHigh) {
      if (!onHigh) return true;
      if (!onLow) return at < high.length() || !belowHigh;
      String lowRest = at < low.length() ? low.substring(at) : "";
      String highRest = at < high.length() ? high.substring(at) : "";
      if (lowRest.equals(highRest)) return !aboveLow && !belowHigh;
      return true;
    }
  }
}
