package dev.turnstone.upstream.wire;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.rollout.Logprobs;
import dev.turnstone.rollout.Policy;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.TopLogprobs;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/// Log-probabilities as engines write them.
final class LogprobEntries {
  private LogprobEntries() {}

  /// An id and its log-probability.
  record Entry(int id, float logprob) {}

  /// The log-probability of a sampled id, which can be neither missing nor minus infinity.
  static float finite(JsonNode value, int id) throws EngineFault {
    if (!value.isNumber())
      throw EngineFault.broken("it gives no log-probability for the sampled id " + id);
    float logprob = value.floatValue();
    if (!Float.isFinite(logprob) || logprob <= EngineWire.IMPOSSIBLE)
      throw EngineFault.broken("log-probability %s of the sampled id %d".formatted(value, id));
    return logprob;
  }

  /// The id of an entry: `token_id`, or `token_id:5` as the token's text.
  static int id(JsonNode entry) throws EngineFault {
    if (entry.path("token_id").isInt()) return entry.path("token_id").intValue();
    return id(entry.path("token").asText(""));
  }

  static int id(String token) throws EngineFault {
    if (token.startsWith("token_id:")) return number(token.substring(9));
    throw EngineFault.broken("it names a token %s instead of token_id:N".formatted(token));
  }

  /// An id in digits.
  static int number(String digits) throws EngineFault {
    try {
      return Integer.parseInt(digits);
    } catch (NumberFormatException e) {
      throw EngineFault.broken("it names a token %s instead of its id".formatted(digits));
    }
  }

  /// The ids that were named, in their order, beside a sampled one.
  static TopLogprobs named(List<Entry> entries, Tokens named, Entry sampled) throws EngineFault {
    float[] logprobs = new float[named.size()];
    for (int i = 0; i < logprobs.length; i++) {
      int id = named.get(i);
      logprobs[i] =
          id == sampled.id()
              ? sampled.logprob()
              : entries.stream()
                  .filter(entry -> entry.id() == id)
                  .findFirst()
                  .map(entry -> Math.max(EngineWire.IMPOSSIBLE, entry.logprob()))
                  .orElseThrow(
                      () -> EngineFault.broken("it does not say how probable id " + id + " is"));
    }
    int rank = 1;
    for (Entry entry : entries) if (entry.logprob() > sampled.logprob()) rank++;
    return new TopLogprobs(named, Logprobs.of(logprobs), rank);
  }

  /// What a request wants to know beside its sampled id.
  static TopLogprobs beside(Policy.Request request, List<Entry> entries, Entry sampled)
      throws EngineFault {
    return request.logprobIds().isEmpty()
        ? top(entries, request.topLogprobs(), sampled.id())
        : named(entries, request.logprobIds(), sampled);
  }

  /// Whether a request wants to know any.
  static boolean wanted(Policy.Request request) {
    return request.topLogprobs() > 0 || !request.logprobIds().isEmpty();
  }

  /// The log-probability of a prompt's id, which may be all but impossible.
  static float ofPrompt(JsonNode value, int id) throws EngineFault {
    if (!value.isNumber() || Double.isNaN(value.doubleValue()))
      throw EngineFault.broken("it does not say how probable id %d is: %s".formatted(id, value));
    return Math.max(EngineWire.IMPOSSIBLE, value.floatValue());
  }

  /// The `count` most probable of them beside a sampled id.
  static TopLogprobs top(List<Entry> entries, int count, int sampled) {
    List<Entry> sorted = new ArrayList<>();
    // What cannot be drawn is not among the most probable.
    for (Entry entry : entries)
      if (entry.logprob() > EngineWire.IMPOSSIBLE || entry.id() == sampled) sorted.add(entry);
    sorted.sort(Comparator.comparingDouble(Entry::logprob).reversed().thenComparingInt(Entry::id));
    int kept = Math.min(count, sorted.size());
    if (kept == 0 && sorted.isEmpty()) return TopLogprobs.NONE;
    int[] ids = new int[kept];
    float[] logprobs = new float[kept];
    int rank = sorted.size() + 1;
    for (int i = sorted.size() - 1; i >= 0; i--) {
      if (sorted.get(i).id() == sampled) rank = i + 1;
      if (i >= kept) continue;
      ids[i] = sorted.get(i).id();
      logprobs[i] = Math.max(EngineWire.IMPOSSIBLE, sorted.get(i).logprob());
    }
    return new TopLogprobs(Tokens.of(ids), Logprobs.of(logprobs), rank);
  }
}
