package dev.turnstone.engine;

import dev.turnstone.rollout.Logprobs;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.TopLogprobs;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.PriorityQueue;
import java.util.function.IntToDoubleFunction;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/// Finds the most probable ids of a row, or tells of named ones.
final class TopIds {
  private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
  private static final ByteOrder ORDER = ByteOrder.nativeOrder();

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
    int id = 0;
    for (; id <= vocabulary - FLOATS.length(); id += FLOATS.length())
      rank += logits(row, id).compare(VectorOperators.GT, own).trueCount();
    for (; id < vocabulary; id++) if (LogitRows.at(row, id) > own) rank++;
    return rank;
  }

  private static FloatVector logits(MemorySegment row, int id) {
    return FloatVector.fromMemorySegment(FLOATS, row, (long) id * Float.BYTES, ORDER);
  }

  /// @param count how many; more than there are gives all of them
  /// @param chosen the id whose rank is told
  static TopLogprobs of(MemorySegment row, Softmax distribution, int count, int chosen) {
    int vocabulary = (int) (row.byteSize() / Float.BYTES);
    // The least of the best is at the head; its logit is what a better one must exceed.
    var best = new PriorityQueue<Long>(Math.clamp(count, 1, vocabulary));
    for (int from = 0; count > 0 && from < vocabulary; from += FLOATS.length()) {
      boolean full = best.size() == count;
      float bar = full ? LogitRows.at(row, id(best.element())) : Float.NEGATIVE_INFINITY;
      boolean whole = from <= vocabulary - FLOATS.length();
      if (full && whole && !logits(row, from).compare(VectorOperators.GT, bar).anyTrue()) continue;
      for (int id = from; id < Math.min(vocabulary, from + FLOATS.length()); id++) {
        best.add(key(LogitRows.at(row, id), id));
        if (best.size() > count) best.poll();
      }
    }
    int[] ids = new int[best.size()];
    for (int i = ids.length - 1; i >= 0; i--) ids[i] = id(best.remove());
    float[] logprobs = new float[ids.length];
    for (int i = 0; i < ids.length; i++) logprobs[i] = (float) distribution.logprob(ids[i]);
    return new TopLogprobs(Tokens.of(ids), Logprobs.of(logprobs), rank(row, chosen));
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
