package dev.turnstone.engine;

import dev.turnstone.rollout.Sampling;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/// Finds the most probable part of a distribution: min-p first, then top-k, then top-p over what is
/// left, in the order of vLLM. Equal probabilities rank by id, so top-k leaves exactly k ids.
///
/// A bar below which no id can be part of it leaves few ids; a histogram of their masses tells
/// which of them to sort. Scratch memory is reused from row to row: confined to one thread.
final class Truncation {
  /// A bucket holds masses whose highest 12 bits are equal, that is, within an eighth.
  private static final int SHIFT = 20;

  /// Ids whose masses are summed in f32 before they are added in f64.
  private static final int CHUNK = 1024;

  private static final int BUCKETS = (Float.floatToRawIntBits(1f) >>> SHIFT) + 1;

  /// Sums of the same numbers in another order differ by less.
  private static final double ROUNDING = 1e-6;

  /// Masses that are tried as a bar for top-p, relative to the largest.
  private static final float[] BARS = {0x1p-6f, 0x1p-10f, 0x1p-14f};

  /// Sums of the same numbers in another order and in f32 differ by less.
  private static final double BAR_ROUNDING = 1e-4;

  /// Vectors whose maxima are taken together, lane by lane.
  private static final int GROUP = 16;

  private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;

  private final int[] counts = new int[BUCKETS];
  private final double[] sums = new double[BUCKETS];
  private final double[] above = new double[BARS.length];
  private float[] masses = new float[0];
  private float[] maxima = new float[0];
  private int[] candidates = new int[0];

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
    if (masses.length != vocabulary) {
      masses = new float[vocabulary];
      candidates = new int[vocabulary];
      maxima = new float[vocabulary / GROUP + FLOATS.length()];
    }
    // Masses are relative to the largest, which is 1.
    row.masses(masses);
    int found = atLeast(bar(row, sampling));
    measure(found);
    double all = sampling.minP() > 0 ? Arrays.stream(sums).sum() : row.total();
    long[] ranked = ranked(found, leastBucket(sampling, all));
    int count = ranked.length;
    if (sampling.topK() > 0) count = Math.min(count, sampling.topK());
    double left = sampling.topK() > 0 ? first(ranked, count) : all;
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

  /// A mass that every id which is kept has at least.
  private float bar(Softmax row, Sampling sampling) {
    float floor = (float) sampling.minP();
    if (sampling.topK() > 0) return Math.max(floor, barOfTopK(sampling.topK()));
    return floor > 0 || sampling.topP() == 1 ? floor : barOfTopP(sampling.topP() * row.total());
  }

  /// The k-th largest of the maxima of groups: at least k ids have as much. 0 for a large k.
  private float barOfTopK(int k) {
    int groups = 0;
    int step = FLOATS.length();
    for (int id = 0; id < masses.length; ) {
      FloatVector most = FloatVector.zero(FLOATS);
      for (int i = 0; i < GROUP && id < masses.length; i++, id += step)
        most =
            most.max(
                FloatVector.fromArray(FLOATS, masses, id, FLOATS.indexInRange(id, masses.length)));
      most.intoArray(maxima, groups);
      groups += step;
    }
    if (k > groups / 2) return 0;
    return largest(k, groups);
  }

  private float largest(int k, int groups) {
    // A heap of the k largest, the least of them first.
    float[] heap = Arrays.copyOf(maxima, k);
    Arrays.sort(heap);
    for (int i = k; i < groups; i++) {
      float value = maxima[i];
      if (value <= heap[0]) continue;
      int at = 0;
      for (int child = 1; child < k; child = 2 * at + 1) {
        if (child + 1 < k && heap[child + 1] < heap[child]) child++;
        if (heap[child] >= value) break;
        heap[at] = heap[child];
        at = child;
      }
      heap[at] = value;
    }
    return heap[0];
  }

  /// The largest of [#BARS] above which there is enough; 0 if there is none.
  private float barOfTopP(double needed) {
    Arrays.fill(above, 0);
    int step = FLOATS.length();
    for (int start = 0; start < masses.length; start += CHUNK) {
      FloatVector high = FloatVector.zero(FLOATS);
      FloatVector middle = FloatVector.zero(FLOATS);
      FloatVector low = FloatVector.zero(FLOATS);
      int end = Math.min(masses.length, start + CHUNK);
      for (int id = start; id < end; id += step) {
        FloatVector mass = FloatVector.fromArray(FLOATS, masses, id, FLOATS.indexInRange(id, end));
        high = high.add(mass, mass.compare(VectorOperators.GE, BARS[0]));
        middle = middle.add(mass, mass.compare(VectorOperators.GE, BARS[1]));
        low = low.add(mass, mass.compare(VectorOperators.GE, BARS[2]));
      }
      above[0] += high.reduceLanes(VectorOperators.ADD);
      above[1] += middle.reduceLanes(VectorOperators.ADD);
      above[2] += low.reduceLanes(VectorOperators.ADD);
    }
    for (int i = 0; i < BARS.length; i++)
      if (above[i] >= needed * (1 + BAR_ROUNDING)) return BARS[i];
    return 0;
  }

  /// Finds the ids whose mass is at least that of the bar, and not 0.
  ///
  /// @return how many
  private int atLeast(float bar) {
    float least = Math.max(bar, Float.MIN_NORMAL);
    int found = 0;
    int step = FLOATS.length();
    for (int id = 0; id < masses.length; id += step) {
      VectorMask<Float> inside = FLOATS.indexInRange(id, masses.length);
      long bits =
          FloatVector.fromArray(FLOATS, masses, id, inside)
              .compare(VectorOperators.GE, least)
              .toLong();
      for (; bits != 0; bits &= bits - 1)
        candidates[found++] = id + Long.numberOfTrailingZeros(bits);
    }
    return found;
  }

  private void measure(int found) {
    Arrays.fill(counts, 0);
    Arrays.fill(sums, 0);
    for (int i = 0; i < found; i++) {
      float mass = masses[candidates[i]];
      int bucket = bucket(mass);
      counts[bucket]++;
      sums[bucket] += mass;
    }
  }

  private static int bucket(float mass) {
    return Math.min(BUCKETS - 1, Float.floatToRawIntBits(mass) >>> SHIFT);
  }

  /// No id of a lower bucket is among the first k, or in the first p of the mass.
  private int leastBucket(Sampling sampling, double all) {
    if (sampling.topK() == 0 && sampling.topP() == 1) return 0;
    double needed = sampling.topP() * all * (1 + ROUNDING);
    int count = 0;
    double sum = 0;
    for (int bucket = BUCKETS - 1; bucket > 0; bucket--) {
      count += counts[bucket];
      sum += sums[bucket];
      if (sampling.topK() > 0 ? count >= sampling.topK() : sum >= needed) return bucket;
    }
    return 0;
  }

  private double first(long[] ranked, int count) {
    double sum = 0;
    for (int i = 0; i < count; i++) sum += masses[(int) ranked[i]];
    return sum;
  }

  /// Ids, most probable first, as the low halves of sorted keys.
  private long[] ranked(int found, int least) {
    int possible = 0;
    for (int bucket = least; bucket < BUCKETS; bucket++) possible += counts[bucket];
    long[] keys = new long[possible];
    int count = 0;
    for (int i = 0; i < found; i++) {
      int id = candidates[i];
      // Masses are not negative, so their bits are in their order.
      if (bucket(masses[id]) >= least)
        keys[count++] = (long) ~Float.floatToRawIntBits(masses[id]) << 32 | id;
    }
    Arrays.sort(keys);
    return keys;
  }
}
