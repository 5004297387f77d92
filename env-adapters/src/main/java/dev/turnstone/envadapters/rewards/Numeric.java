package dev.turnstone.envadapters.rewards;

import com.fasterxml.jackson.databind.JsonNode;
import java.math.BigDecimal;
import java.util.Optional;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/// 1 if the last number of the final answer is near the expected one, else 0, also when there is no
/// answer or no number in it. Computed in decimals, so large integers compare exactly.
record Numeric(RewardEntry.Numeric entry) implements Scorer {
  /// Longer runs of digits are no answer, and would cost quadratic time.
  private static final int MAX_CHARS = 1000;

  /// A sign counts only where no operand stands before it (3-5 ends in 5), groups of thousands are
  /// told from lists by their three digits, and digits that belong to a word (x2) or a longer
  /// dotted chain (1.2.3) are no number. Linear in the text: nothing backtracks.
  private static final Pattern NUMBER =
      Pattern.compile(
          "(?:(?<![\\w)\\]}.])(?<sign>[-+\u2212])[$€£]?)?"
              + "(?<number>(?<!\\w)(?<!\\d\\.)"
              + "(?:\\d{1,3}+(?:,\\d{3})++(?!\\d)|\\d++)(?:\\.\\d++)?+"
              + "|(?<![\\w.])\\.\\d++)"
              + "(?<exponent>[eE][+-]?\\d{1,3}+(?!\\d))?+");

  @Override
  public Optional<String> objection(JsonNode data) {
    JsonNode expected = data.path(entry.field());
    return expected(data).isPresent()
        ? Optional.empty()
        : Optional.of(
            "data.%s must be a number or a text that ends in one, was %s"
                .formatted(entry.field(), expected.isMissingNode() ? "absent" : expected));
  }

  @Override
  public Score score(Episode episode) {
    Optional<BigDecimal> expected = expected(episode.data());
    Optional<BigDecimal> answered =
        FinalAnswer.of(episode.transcript()).flatMap(Numeric::lastNumber);
    return Score.of(
        expected.isPresent() && answered.isPresent() && near(answered.get(), expected.get()));
  }

  private Optional<BigDecimal> expected(JsonNode data) {
    JsonNode node = data.path(entry.field());
    if (node.isTextual()) return lastNumber(node.textValue());
    return node.isNumber()
        ? Optional.of(node.decimalValue()).filter(Numeric::sane)
        : Optional.empty();
  }

  /// Arithmetic on the likes of 1e999999999 would never end.
  private static boolean sane(BigDecimal value) {
    return value.precision() <= MAX_CHARS && Math.abs((long) value.scale()) <= MAX_CHARS;
  }

  private boolean near(BigDecimal answered, BigDecimal expected) {
    BigDecimal tolerance =
        BigDecimal.valueOf(entry.relTolerance())
            .multiply(expected.abs())
            .max(BigDecimal.valueOf(entry.absTolerance()));
    return answered.subtract(expected).abs().compareTo(tolerance) <= 0;
  }

  public static Optional<BigDecimal> lastNumber(String text) {
    return NUMBER
        .matcher(text)
        .results()
        .reduce((_, last) -> last)
        .filter(last -> last.group().length() <= MAX_CHARS)
        .map(Numeric::value);
  }

  private static BigDecimal value(MatchResult match) {
    String exponent = match.group("exponent");
    BigDecimal value =
        new BigDecimal(match.group("number").replace(",", "") + (exponent == null ? "" : exponent));
    String sign = match.group("sign");
    return sign == null || sign.equals("+") ? value : value.negate();
  }
}
