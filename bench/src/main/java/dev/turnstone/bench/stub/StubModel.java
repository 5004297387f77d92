package dev.turnstone.bench.stub;

import dev.turnstone.rollout.Logprobs;
import dev.turnstone.rollout.Tokens;

/// The model of a stub engine: eight ids may follow a token, and which, and how probable they are,
/// is a function of that token, its position and the weights' version. So whoever has a recorded
/// token can tell whether it, its log-probability and its version belong together.
///
/// @param from smallest id that is ever sampled
/// @param to one more than the largest
public record StubModel(int from, int to) {
  static final int CANDIDATES = 8;

  /// A token with what it was sampled from.
  public record Sample(int id, float logprob, Tokens ids, Logprobs logprobs) {}

  /// Draws the token after `previous`.
  ///
  /// @param position of the new token in its sequence
  /// @param draw in [0, 1)
  public Sample sample(int previous, int position, int version, double temperature, double draw) {
    int[] ids = candidates(previous, position, version);
    float[] logprobs = logprobs(previous, position, version, temperature == 0 ? 1 : temperature);
    int chosen = 0;
    if (temperature == 0) {
      for (int i = 1; i < CANDIDATES; i++) if (logprobs[i] > logprobs[chosen]) chosen = i;
    } else {
      double left = draw;
      while (chosen < CANDIDATES - 1 && left >= Math.exp(logprobs[chosen]))
        left -= Math.exp(logprobs[chosen++]);
    }
    return new Sample(ids[chosen], logprobs[chosen], Tokens.of(ids), Logprobs.of(logprobs));
  }

  /// Why a recorded token cannot have been sampled so; empty text if it can.
  public String objection(
      int previous, int position, int version, double temperature, int id, float logprob) {
    int[] ids = candidates(previous, position, version);
    float[] logprobs = logprobs(previous, position, version, temperature == 0 ? 1 : temperature);
    for (int i = 0; i < CANDIDATES; i++)
      if (ids[i] == id)
        return Math.abs(logprobs[i] - logprob) < 1e-3
            ? ""
            : "log-probability %s of id %d at %d under version %d is %s"
                .formatted(logprob, id, position, version, logprobs[i]);
    return "id %d at %d does not follow %d under version %d"
        .formatted(id, position, previous, version);
  }

  private int[] candidates(int previous, int position, int version) {
    int[] ids = new int[CANDIDATES];
    long state = seed(previous, position, version);
    int stride = (to - from) / CANDIDATES;
    for (int i = 0; i < CANDIDATES; i++) {
      state = next(state);
      ids[i] = from + i * stride + (int) Long.remainderUnsigned(state, stride);
    }
    return ids;
  }

  private static float[] logprobs(int previous, int position, int version, double temperature) {
    double[] logits = new double[CANDIDATES];
    long state = seed(previous, position, version) ^ 0x5DEECE66DL;
    double sum = 0;
    for (int i = 0; i < CANDIDATES; i++) {
      state = next(state);
      logits[i] = (state >>> 11) * 0x1.0p-53 * 4 / temperature;
      sum += Math.exp(logits[i]);
    }
    float[] logprobs = new float[CANDIDATES];
    for (int i = 0; i < CANDIDATES; i++) logprobs[i] = (float) (logits[i] - Math.log(sum));
    return logprobs;
  }

  private static long seed(int previous, int position, int version) {
    return next(previous * 0x9e3779b97f4a7c15L + position * 0xbf58476d1ce4e5b9L + version);
  }

  private static long next(long state) {
    long mixed = (state ^ (state >>> 30)) * 0xbf58476d1ce4e5b9L;
    mixed = (mixed ^ (mixed >>> 27)) * 0x94d049bb133111ebL;
    return mixed ^ (mixed >>> 31);
  }
}
