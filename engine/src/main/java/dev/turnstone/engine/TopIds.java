package dev.turnstone.engine;

import dev.turnstone.rollout.Logprobs;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.TopLogprobs;
import java.lang.foreign.MemorySegment;
import java.util.PriorityQueue;
import java.util.function.IntToDoubleFunction;

/// Finds the most probable ids of a row, or tells of named ones.
final class TopIds {
  private TopIds() {}

  /// Ids that were asked for by name, in the order of the asking.
  static TopLogprobs named(Tokens ids, IntToDoubleFunction logprob, int rank) {
    float[] logprobs = new float[ids.size()];
    for (int i = 0; i < logprobs.length; i++)
      logprobs[i] = (float) logprob.applyAsDouble(ids.get(i));
    return new TopLogprobs(ids, Logprobs.of(logprobs), rank);
  }

  /// One more than the number of ids that are more probable.
  static int rank(MemorySegment row, int chosen) {
    int vocabulary = (int) (row.byteSize() / Float.BYTES);
    float own = LogitRows.at(row, chosen);
    int rank = 1;
    for (int id = 0; id < vocabulary; id++) if (LogitRows.at(row, id) > own) rank++;
    return rank;
  }

  /// @param count how many; more than there are gives all of them
  /// @param chosen the id whose rank is told
  static TopLogprobs of(MemorySegment row, Softmax distribution, int count, int chosen) {
    int vocabulary = (int) (row.byteSize() / Float.BYTES);
    float own = LogitRows.at(row, chosen);
    int rank = 1;
    // The least of the best is at the head; its logit is what a better one must exceed.
    var best = new PriorityQueue<Long>(Math.clamp(count, 1, vocabulary));
    float bar = Float.NEGATIVE_INFINITY;
    for (int id = 0; id < vocabulary; id++) {
      float logit = LogitRows.at(row, id);
      if (logit > own) rank++;
      if (best.size() == count && logit <= bar) continue;
      best.add(key(logit, id));
      if (best.size() > count) best.poll();
      if (best.size() == count && count > 0) bar = LogitRows.at(row, id(best.element()));
    }
    int[] ids = new int[best.size()];
    for (int i = ids.length - 1; i >= 0; i--) ids[i] = id(best.remove());
    float[] logprobs = new float[ids.length];
    for (int i = 0; i < ids.length; i++) logprobs[i] = (float) distribution.logprob(ids[i]);
    return new TopLogprobs(Tokens.of(ids), Logprobs.of(logprobs), rank);
  }

  /// Ordered by logit, then by falling id.
  private static long key(float logit, int id) {
    int bits = Float.floatToRawIntBits(logit + 0f);
    int ordered = bits ^ (bits >> 31 & Integer.MAX_VALUE);
    return (long) ordered << 32 | (Integer.MAX_VALUE - id);
  }

  private static int id(long key) {
    return Integer.MAX_VALUE - (int) key;
  }
}
