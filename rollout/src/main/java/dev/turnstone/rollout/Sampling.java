package dev.turnstone.rollout;

import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;

/// How the next token is drawn, and what is recorded of it.
///
/// The order is vLLM's: allowed ids, bad words, least length, bias, penalties, temperature, then
/// min-p, top-k and top-p of what is left. Equal probabilities rank by id.
///
/// @param temperature 0 is greedy
/// @param topK 0 keeps the whole vocabulary
/// @param topP 1 keeps the whole vocabulary
/// @param minP least share of the most probable token's probability; 0 keeps the whole vocabulary
/// @param logitBias added to the logits of ids, each in [-100, 100]
/// @param allowedIds no other id can be drawn; empty allows every id
/// @param badWords sequences of ids that are never completed: the last id of one is not drawn where
///   the others have just been generated
/// @param minTokens before as many are generated, no stop id of the request can be drawn
/// @param seed makes the draws a function of (seed, position) alone, whatever the batch
public record Sampling(
    double temperature,
    int topK,
    double topP,
    double minP,
    Penalties penalties,
    Map<Integer, Double> logitBias,
    Set<Integer> allowedIds,
    Set<Tokens> badWords,
    int minTokens,
    LogprobMode logprobMode,
    OptionalLong seed) {
  /// Temperature 1 over the whole vocabulary: what training wants.
  public static final Sampling FULL = new Sampling(1, 0, 1, 0, OptionalLong.empty());

  public static final Sampling GREEDY = new Sampling(0, 0, 1, 0, OptionalLong.empty());

  private static final double MAX_BIAS = 100;

  public Sampling {
    if (!(temperature >= 0 && temperature <= 100))
      throw new IllegalArgumentException("temperature is not in [0, 100]: " + temperature);
    if (topK < 0) throw new IllegalArgumentException("top_k < 0: " + topK);
    if (!(topP > 0 && topP <= 1))
      throw new IllegalArgumentException("top_p is not in (0, 1]: " + topP);
    if (!(minP >= 0 && minP <= 1))
      throw new IllegalArgumentException("min_p is not in [0, 1]: " + minP);
    if (minTokens < 0) throw new IllegalArgumentException("min_tokens < 0: " + minTokens);
    logitBias = Map.copyOf(logitBias);
    allowedIds = Set.copyOf(allowedIds);
    badWords = Set.copyOf(badWords);
    logitBias.forEach(Sampling::checkBias);
    for (int id : allowedIds)
      if (id < 0) throw new IllegalArgumentException("allowed_token_ids has a negative id: " + id);
    checkBadWords(badWords, allowedIds);
  }

  /// Sampling by temperature and truncation alone.
  public Sampling(double temperature, int topK, double topP, double minP, OptionalLong seed) {
    this(
        temperature,
        topK,
        topP,
        minP,
        Penalties.NONE,
        Map.of(),
        Set.of(),
        Set.of(),
        0,
        LogprobMode.POLICY,
        seed);
  }

  private static void checkBadWords(Set<Tokens> badWords, Set<Integer> allowedIds) {
    if (badWords.contains(Tokens.NONE))
      throw new IllegalArgumentException("bad_words has an empty word");
    // Together they could leave nothing to draw in the middle of a text.
    if (!badWords.isEmpty() && !allowedIds.isEmpty())
      throw new IllegalArgumentException("bad_words and allowed_token_ids exclude each other");
  }

  private static void checkBias(int id, double bias) {
    if (id < 0) throw new IllegalArgumentException("logit_bias has a negative id: " + id);
    if (!(Math.abs(bias) <= MAX_BIAS))
      throw new IllegalArgumentException(
          "logit_bias of id %d is not in [-100, 100]: %s".formatted(id, bias));
  }

  public boolean greedy() {
    return temperature == 0;
  }

  /// Whether only the most probable ids can be drawn.
  public boolean truncates() {
    return topK > 0 || topP < 1 || minP > 0;
  }

  /// Whether logits are changed before the temperature divides them.
  public boolean changesLogits() {
    return penalties.active()
        || !logitBias.isEmpty()
        || !allowedIds.isEmpty()
        || !badWords.isEmpty()
        || minTokens > 0;
  }

  /// Whether anything but the temperature changes the distribution.
  public boolean changesDistribution() {
    return truncates() || changesLogits();
  }

  /// Whether a trainer that knows only the temperature recomputes what was recorded.
  public boolean plain() {
    return !changesDistribution() && logprobMode == LogprobMode.POLICY;
  }

  public Sampling withSeed(long value) {
    return new Sampling(
        temperature,
        topK,
        topP,
        minP,
        penalties,
        logitBias,
        allowedIds,
        badWords,
        minTokens,
        logprobMode,
        OptionalLong.of(value));
  }

  public Sampling withPenalties(Penalties value) {
    return new Sampling(
        temperature,
        topK,
        topP,
        minP,
        value,
        logitBias,
        allowedIds,
        badWords,
        minTokens,
        logprobMode,
        seed);
  }

  public Sampling withLogitBias(Map<Integer, Double> value) {
    return new Sampling(
        temperature,
        topK,
        topP,
        minP,
        penalties,
        value,
        allowedIds,
        badWords,
        minTokens,
        logprobMode,
        seed);
  }

  public Sampling withAllowedIds(Set<Integer> value) {
    return new Sampling(
        temperature,
        topK,
        topP,
        minP,
        penalties,
        logitBias,
        value,
        badWords,
        minTokens,
        logprobMode,
        seed);
  }

  public Sampling withBadWords(Set<Tokens> value) {
    return new Sampling(
        temperature,
        topK,
        topP,
        minP,
        penalties,
        logitBias,
        allowedIds,
        value,
        minTokens,
        logprobMode,
        seed);
  }

  public Sampling withMinTokens(int value) {
    return new Sampling(
        temperature,
        topK,
        topP,
        minP,
        penalties,
        logitBias,
        allowedIds,
        badWords,
        value,
        logprobMode,
        seed);
  }

  public Sampling withLogprobMode(LogprobMode value) {
    return new Sampling(
        temperature,
        topK,
        topP,
        minP,
        penalties,
        logitBias,
        allowedIds,
        badWords,
        minTokens,
        value,
        seed);
  }
}
