package dev.turnstone.engine;

import dev.turnstone.rollout.Sampling;
import java.util.Arrays;

/// Finds the most probable part of a distribution: min-p first, then top-k, then top-p over what is
/// left, in the order of vLLM. Equal probabilities rank by id, so top-k leaves exactly k ids.
///
/// A histogram of the masses tells which ids can be part of it; only those are sorted. Scratch
/// memory is reused from row to row: confined to one thread.
final class Truncation {
  /// A bucket holds masses whose highest 12 bits are equal, that is, within an eighth.
  private static final int SHIFT = 20;

  private static final int BUCKETS = (Float.floatToRawIntBits(1f) >>> SHIFT) + 1;

  /// Sums of the same numbers in another order differ by less.
  private static final double ROUNDING = 1e-6;

  private final int[] counts = new int[BUCKETS];
  private final double[] sums = new double[BUCKETS];
  private float[] masses = new float[0];

  /// Kept ids, most probable first, with their masses, whose sum is `total`.
  static final class Kept {
    final int[] ids;
    final float[] masses;
    final double total;

    private Kept(int[] ids, float[] masses, double total) {
      this.ids = ids;
      this.masses = masses;
      this.total = total;
    }

    /// The first id at which the distribution function over the kept part exceeds `uniform`.
    int at(double uniform) {
      double target = uniform * total;
      double sum = 0;
      for (int i = 0; i < ids.length; i++) {
        sum += masses[i];
        if (sum > target) return ids[i];
      }
      return ids[ids.length - 1];
    }
  }

  /// Never empty: the most probable id is always kept.
  Kept of(Softmax row, int vocabulary, Sampling sampling) {
    // Masses are relative to the largest, which is 1.
    measure(row, vocabulary, (float) sampling.minP());
    long[] ranked = ranked(vocabulary, (float) sampling.minP(), leastBucket(sampling));
    int count = ranked.length;
    if (sampling.topK() > 0) count = Math.min(count, sampling.topK());
    double left = left(ranked, count, sampling);
    float[] kept = new float[count];
    double sum = 0;
    for (int i = 0; i < count; i++) {
      kept[i] = masses[(int) ranked[i]];
      sum += kept[i];
      if (sampling.topP() < 1 && sum >= sampling.topP() * left) count = i + 1;
    }
    int[] ids = new int[count];
    for (int i = 0; i < count; i++) ids[i] = (int) ranked[i];
    return new Kept(ids, Arrays.copyOf(kept, count), sum);
  }

  private void measure(Softmax row, int vocabulary, float floor) {
    if (masses.length != vocabulary) masses = new float[vocabulary];
    Arrays.fill(counts, 0);
    Arrays.fill(sums, 0);
    for (int id = 0; id < vocabulary; id++) {
      float mass = row.mass(id);
      masses[id] = mass;
      if (mass < floor) continue;
      int bucket = bucket(mass);
      counts[bucket]++;
      sums[bucket] += mass;
    }
  }

  private static int bucket(float mass) {
    return Math.min(BUCKETS - 1, Float.floatToRawIntBits(mass) >>> SHIFT);
  }

  /// No id of a lower bucket is among the first k, or in the first p of the mass.
  private int leastBucket(Sampling sampling) {
    if (sampling.topK() == 0 && sampling.topP() == 1) return 0;
    double needed = sampling.topP() * Arrays.stream(sums).sum() * (1 + ROUNDING);
    int count = 0;
    double sum = 0;
    for (int bucket = BUCKETS - 1; bucket > 0; bucket--) {
      count += counts[bucket];
      sum += sums[bucket];
      if (sampling.topK() > 0 ? count >= sampling.topK() : sum >= needed) return bucket;
    }
    return 0;
  }

  /// The mass that top-p is a share of.
  private double left(long[] ranked, int count, Sampling sampling) {
    if (sampling.topK() == 0) return Arrays.stream(sums).sum();
    double left = 0;
    for (int i = 0; i < count; i++) left += masses[(int) ranked[i]];
    return left;
  }

  /// Ids, most probable first, as the low halves of sorted keys.
  private long[] ranked(int vocabulary, float floor, int least) {
    int possible = 0;
    for (int bucket = least; bucket < BUCKETS; bucket++) possible += counts[bucket];
    long[] keys = new long[possible];
    int count = 0;
    for (int id = 0; id < vocabulary; id++) {
      float mass = masses[id];
      // Masses are not negative, so their bits are in their order.
      if (mass > 0 && mass >= floor && bucket(mass) >= least)
        keys[count++] = (long) ~Float.floatToRawIntBits(mass) << 32 | id;
    }
    Arrays.sort(keys, 0, count);
    return count == possible ? keys : Arrays.copyOf(keys, count);
  }
}
