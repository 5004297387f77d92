package dev.turnstone.engine;

import dev.turnstone.rollout.Sampling;
import java.util.Comparator;
import java.util.stream.IntStream;

/// Draws from the most probable part of a distribution: min-p first, then top-k, then top-p over
/// what is left, in the order of vLLM.
final class Truncation {
  private Truncation() {}

  /// The id drawn at `uniform` from the kept part, with its log-probability over the whole
  /// vocabulary.
  static Sampler.Drawn draw(float[] logits, Sampling sampling, double uniform) {
    double[] logprobs = logSoftmax(logits, sampling.temperature());
    int[] kept = kept(logprobs, sampling);
    double total = 0;
    for (int id : kept) total += Math.exp(logprobs[id]);
    double target = uniform * total;
    double mass = 0;
    for (int id : kept) {
      mass += Math.exp(logprobs[id]);
      if (mass > target) return new Sampler.Drawn(id, (float) logprobs[id]);
    }
    int last = kept[kept.length - 1];
    return new Sampler.Drawn(last, (float) logprobs[last]);
  }

  /// Ids in the order of falling probability; ties by id. Never empty.
  static int[] kept(double[] logprobs, Sampling sampling) {
    int[] ids =
        IntStream.range(0, logprobs.length)
            .boxed()
            .sorted(
                Comparator.<Integer>comparingDouble(id -> -logprobs[id]).thenComparingInt(id -> id))
            .mapToInt(Integer::intValue)
            .toArray();
    int count = ids.length;
    double floor = logprobs[ids[0]] + Math.log(sampling.minP());
    while (count > 1 && logprobs[ids[count - 1]] < floor) count--;
    if (sampling.topK() > 0) count = Math.min(count, sampling.topK());
    double total = 0;
    for (int i = 0; i < count; i++) total += Math.exp(logprobs[ids[i]]);
    double mass = 0;
    for (int i = 0; i < count; i++) {
      mass += Math.exp(logprobs[ids[i]]);
      if (mass >= sampling.topP() * total) {
        count = i + 1;
        break;
      }
    }
    return IntStream.range(0, count).map(i -> ids[i]).toArray();
  }

  static double[] logSoftmax(float[] logits, double temperature) {
    double max = Double.NEGATIVE_INFINITY;
    for (float logit : logits) max = Math.max(max, logit / temperature);
    double sum = 0;
    for (float logit : logits) sum += Math.exp(logit / temperature - max);
    double logSum = max + Math.log(sum);
    double[] logprobs = new double[logits.length];
    for (int i = 0; i < logits.length; i++) logprobs[i] = logits[i] / temperature - logSum;
    return logprobs;
  }
}
