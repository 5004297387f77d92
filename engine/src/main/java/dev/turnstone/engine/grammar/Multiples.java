package dev.turnstone.engine.grammar;

import static dev.turnstone.engine.grammar.SchemaWords.refused;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// Decimal numbers without an exponent that are a whole number of times another: the automaton
/// knows the remainder of what is written so far, and how many digits came after the point.
final class Multiples {
  private static final int MOST = 10_000;

  /// More digits than an f64 keeps would be divided otherwise by whoever reads them as one.
  private static final int MOST_DIGITS = 15;

  private final int divisor;
  private final int places;
  private final Map<String, Node> built = new HashMap<>();
  private final Node next;

  private Multiples(int divisor, int places, Node next) {
    this.divisor = divisor;
    this.places = places;
    this.next = next;
  }

  static Part of(BigDecimal of, String path) {
    BigDecimal plain = of.stripTrailingZeros();
    int places = Math.max(0, plain.scale());
    BigDecimal scaled = plain.movePointRight(places);
    if (of.signum() <= 0 || scaled.compareTo(BigDecimal.valueOf(MOST)) > 0)
      throw refused(
          path,
          "has multipleOf %s, which must be above 0 and have at most four digits".formatted(of));
    int divisor = scaled.intValueExact();
    return Part.sequence(
        Part.optional(Part.literal("-")),
        next -> new Multiples(divisor, places, next).at(0, -1, 0));
  }

  /// @param after digits after the point so far; −1 before the point
  private Node at(int remainder, int after, int digits) {
    return built.computeIfAbsent(
        remainder + " " + after + " " + digits,
        _ -> new Node.Later(() -> build(remainder, after, digits)));
  }

  private Node build(int remainder, int after, int digits) {
    List<Node> ways = new ArrayList<>();
    int rest = remainder;
    for (int i = Math.max(0, after); i < places; i++) rest = rest * 10 % divisor;
    if (rest == 0) ways.add(next);
    if (after < places && digits < MOST_DIGITS)
      for (int digit = 0; digit < 10; digit++)
        ways.add(
            new Node.Bytes(
                ByteSet.of('0' + digit),
                at((remainder * 10 + digit) % divisor, after < 0 ? after : after + 1, digits + 1)));
    if (after < 0 && places > 0)
      ways.add(new Node.Bytes(ByteSet.of('.'), at(remainder, 0, digits)));
    return new Node.Split(ways);
  }
}
