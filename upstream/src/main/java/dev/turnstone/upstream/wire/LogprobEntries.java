package dev.turnstone.upstream.wire;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.rollout.Logprobs;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.TopLogprobs;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/// Log-probabilities as engines write them.
final class LogprobEntries {
  /// What vLLM writes for minus infinity.
  private static final float CLAMPED = -9999f;

  private LogprobEntries() {}

  /// An id and its log-probability.
  record Entry(int id, float logprob) {}

  /// The log-probability of a sampled id, which can be neither missing nor minus infinity.
  static float finite(JsonNode value, int id) throws EngineFault {
    if (!value.isNumber())
      throw EngineFault.broken("it gives no log-probability for the sampled id " + id);
    float logprob = value.floatValue();
    if (!Float.isFinite(logprob) || logprob <= CLAMPED)
      throw EngineFault.broken("log-probability %s of the sampled id %d".formatted(value, id));
    return logprob;
  }

  /// The id of an entry: `token_id`, or `token_id:5` as the token's text.
  static int id(JsonNode entry) throws EngineFault {
    if (entry.path("token_id").isInt()) return entry.path("token_id").intValue();
    return id(entry.path("token").asText(""));
  }

  static int id(String token) throws EngineFault {
    try {
      if (token.startsWith("token_id:")) return Integer.parseInt(token.substring(9));
    } catch (NumberFormatException e) {
      // Said below.
    }
    throw EngineFault.broken("it names a token %s instead of token_id:N".formatted(token));
  }

  /// The `count` most probable of them beside a sampled id.
  static TopLogprobs top(List<Entry> entries, int count, int sampled) {
    List<Entry> sorted = new ArrayList<>(entries);
    sorted.sort(Comparator.comparingDouble(Entry::logprob).reversed().thenComparingInt(Entry::id));
    int kept = Math.min(count, sorted.size());
    int[] ids = new int[kept];
    float[] logprobs = new float[kept];
    int rank = sorted.size() + 1;
    for (int i = sorted.size() - 1; i >= 0; i--) {
      if (sorted.get(i).id() == sampled) rank = i + 1;
      if (i >= kept) continue;
      ids[i] = sorted.get(i).id();
      logprobs[i] = Math.max(CLAMPED, sorted.get(i).logprob());
    }
    return new TopLogprobs(Tokens.of(ids), Logprobs.of(logprobs), rank);
  }
}
