package dev.turnstone.engine;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/// The distribution softmax(row / temperature) of one row of logits: its normaliser, the
/// log-probability of any id, and the id at a point of its distribution function.
///
/// Exponentials are a polynomial of our own and sums have a fixed order, because the Vector API's
/// own may round otherwise in the interpreter than in compiled code, and the same row must always
/// give the same bits. Relative error of a probability: below 1e-6.
///
/// Scratch memory is reused from row to row: confined to one thread.
final class Softmax {
  private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
  private static final ByteOrder ORDER = ByteOrder.nativeOrder();

  /// Ids whose masses are summed in f32 before they are added in f64.
  private static final int CHUNK = 1024;

  /// Below, a probability is taken as 0: it would not be a normal number.
  private static final float LEAST = -87;

  /// Steeper makes no difference: any two logits that differ are far enough apart.
  private static final double STEEPEST = 1e30;

  private static final float LOG2_E = 1.442695f;
  // 1.5 * 2^23: adding it leaves the nearest integer in the low bits of the mantissa.
  private static final float MAGIC = 12582912f;
  private static final int MAGIC_BITS = Float.floatToRawIntBits(MAGIC);
  private static final float LN2_HIGH = 0.69314575f;
  private static final float LN2_LOW = 1.4286068e-6f;
  private static final float[] TAYLOR = {1f / 720, 1f / 120, 1f / 24, 1f / 6, 0.5f, 1, 1};

  private final float[] lanes = new float[FLOATS.length()];
  private double[] masses = new double[0];
  private MemorySegment row = MemorySegment.NULL;
  private int size;
  private float max;
  private float scale;
  private double total;

  /// Takes a row; logits may be −∞.
  Softmax over(MemorySegment logits, double temperature) {
    row = logits;
    size = (int) (logits.byteSize() / Float.BYTES);
    scale = (float) Math.min(1 / temperature, STEEPEST);
    max = max();
    int chunks = Math.ceilDiv(size, CHUNK);
    if (masses.length < chunks) masses = new double[chunks];
    total = 0;
    for (int chunk = 0; chunk < chunks; chunk++) {
      masses[chunk] = mass(chunk * CHUNK, Math.min(size, (chunk + 1) * CHUNK));
      total += masses[chunk];
    }
    return this;
  }

  /// Takes a row of which only the most probable id is wanted.
  Softmax peakOf(MemorySegment logits) {
    row = logits;
    size = (int) (logits.byteSize() / Float.BYTES);
    max = max();
    return this;
  }

  /// Whether it is a distribution at all: no logit is NaN or +∞, and not all are −∞.
  boolean proper() {
    return Float.isFinite(max);
  }

  double logprob(int id) {
    return distance(LogitRows.at(row, id)) - Math.log(total);
  }

  /// The probability of an id as a share of the most probable id's.
  float mass(int id) {
    return exp(distance(LogitRows.at(row, id)));
  }

  /// The sum of all masses.
  double total() {
    return total;
  }

  /// Writes the mass of every id, bit by bit as [#mass].
  void masses(float[] into) {
    int id = 0;
    for (; id <= size - FLOATS.length(); id += FLOATS.length())
      exps(FloatVector.fromMemorySegment(FLOATS, row, (long) id * Float.BYTES, ORDER))
          .intoArray(into, id);
    for (; id < size; id++) into[id] = mass(id);
  }

  /// The first id at which the distribution function exceeds `uniform`.
  int at(double uniform) {
    double target = uniform * total;
    double sum = 0;
    int chunk = 0;
    while ((chunk + 1) * CHUNK < size && sum + masses[chunk] <= target) sum += masses[chunk++];
    int last = -1;
    for (int id = chunk * CHUNK; id < size; id++) {
      double mass = mass(id);
      if (mass > 0) last = id;
      sum += mass;
      if (last == id && sum > target) return id;
    }
    // Rounding left the sum a hair below the target: the last id that can be drawn.
    return last >= 0 ? last : argmax();
  }

  /// The first id of the largest logit.
  int argmax() {
    int id = 0;
    for (; id <= size - FLOATS.length(); id += FLOATS.length()) {
      VectorMask<Float> most =
          FloatVector.fromMemorySegment(FLOATS, row, (long) id * Float.BYTES, ORDER).eq(max);
      if (most.anyTrue()) return id + most.firstTrue();
    }
    for (; id < size; id++) if (LogitRows.at(row, id) == max) return id;
    return 0;
  }

  private float distance(float logit) {
    return (logit - max) * scale;
  }

  private float max() {
    FloatVector most = FloatVector.broadcast(FLOATS, Float.NEGATIVE_INFINITY);
    int id = 0;
    for (; id <= size - FLOATS.length(); id += FLOATS.length())
      most = most.max(FloatVector.fromMemorySegment(FLOATS, row, (long) id * Float.BYTES, ORDER));
    most.intoArray(lanes, 0);
    float max = Float.NEGATIVE_INFINITY;
    for (float lane : lanes) max = Math.max(max, lane);
    for (; id < size; id++) max = Math.max(max, LogitRows.at(row, id));
    return max;
  }

  private double mass(int from, int to) {
    FloatVector sum = FloatVector.zero(FLOATS);
    int id = from;
    for (; id <= to - FLOATS.length(); id += FLOATS.length())
      sum = sum.add(exps(FloatVector.fromMemorySegment(FLOATS, row, (long) id * 4, ORDER)));
    sum.intoArray(lanes, 0);
    double mass = 0;
    for (float lane : lanes) mass += lane;
    for (; id < to; id++) mass += mass(id);
    return mass;
  }

  /// The same as [#exp] of [#distance], lane by lane and bit by bit.
  private FloatVector exps(FloatVector logits) {
    FloatVector x = logits.sub(max).mul(scale);
    VectorMask<Float> inside = x.compare(VectorOperators.GE, LEAST);
    FloatVector shifted = x.fma(FloatVector.broadcast(FLOATS, LOG2_E), broadcast(MAGIC));
    FloatVector whole = shifted.sub(MAGIC);
    FloatVector rest =
        whole.fma(broadcast(-LN2_LOW), whole.fma(broadcast(-LN2_HIGH), x)); // x − whole · ln 2
    FloatVector value = broadcast(TAYLOR[0]);
    for (int i = 1; i < TAYLOR.length; i++) value = value.fma(rest, broadcast(TAYLOR[i]));
    IntVector exponent =
        shifted.reinterpretAsInts().sub(MAGIC_BITS).lanewise(VectorOperators.LSHL, 23);
    FloatVector scaled = value.reinterpretAsInts().add(exponent).reinterpretAsFloats();
    return FloatVector.zero(FLOATS).blend(scaled, inside);
  }

  private static FloatVector broadcast(float value) {
    return FloatVector.broadcast(FLOATS, value);
  }

  private static float exp(float x) {
    if (!(x >= LEAST)) return 0;
    float shifted = Math.fma(x, LOG2_E, MAGIC);
    float whole = shifted - MAGIC;
    float rest = Math.fma(whole, -LN2_LOW, Math.fma(whole, -LN2_HIGH, x));
    float value = TAYLOR[0];
    for (int i = 1; i < TAYLOR.length; i++) value = Math.fma(value, rest, TAYLOR[i]);
    int exponent = (Float.floatToRawIntBits(shifted) - MAGIC_BITS) << 23;
    return Float.intBitsToFloat(Float.floatToRawIntBits(value) + exponent);
  }
}
