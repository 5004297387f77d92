package dev.turnstone.engine;

import dev.turnstone.rollout.LogprobMode;
import dev.turnstone.rollout.Logprobs;
import dev.turnstone.rollout.Policy;
import dev.turnstone.rollout.Sampling;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.TopLogprobs;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/// Draws the next token of a sequence from its row of logits.
///
/// The uniform number of a draw is a function of the request's seed and the token's position alone,
/// so neither the batch nor a preemption changes what is drawn. A row that asks for nothing but a
/// temperature is read twice and never copied. Confined to one thread.
final class Sampler {
  private final Softmax recorded = new Softmax();
  private final Softmax drawn = new Softmax();
  private final Truncation truncation = new Truncation();
  private final AdjustedLogits adjusted = new AdjustedLogits();

  /// @param logprob under the request's mode; NaN if the logits are no distribution
  record Drawn(int id, float logprob, TopLogprobs top) {}

  /// One draw for the sequence's next position.
  Drawn draw(MemorySegment row, Sequence sequence) {
    Sampling sampling = sequence.request.sampling();
    boolean raw = sampling.greedy() || sampling.logprobMode() == LogprobMode.RAW;
    recorded.over(row, raw ? 1 : sampling.temperature());
    if (!recorded.proper()) return new Drawn(0, Float.NaN, TopLogprobs.NONE);
    boolean changes = sampling.changesLogits() || sequence.guide.isPresent();
    MemorySegment logits = changes ? adjusted.of(row, sequence) : row;
    double uniform = uniform(sequence.seed, sequence.length());
    Policy.Request request = sequence.request;
    if (sampling.greedy()) {
      Softmax peak = changes ? drawn.peakOf(logits) : recorded;
      if (!peak.proper()) return new Drawn(0, Float.NaN, TopLogprobs.NONE);
      return greedy(row, peak.argmax(), request);
    }
    boolean other = changes || (raw && sampling.temperature() != 1);
    Softmax from = other ? drawn.over(logits, sampling.temperature()) : recorded;
    if (!from.proper()) return new Drawn(0, Float.NaN, TopLogprobs.NONE);
    if (sampling.truncates()) return truncated(row, from, uniform, request);
    int id = from.at(uniform);
    return sampling.logprobMode() == LogprobMode.SAMPLED
        ? new Drawn(id, (float) from.logprob(id), top(logits, from, id, request))
        : recorded(row, id, request);
  }

  private Drawn recorded(MemorySegment row, int id, Policy.Request request) {
    return new Drawn(id, (float) recorded.logprob(id), top(row, recorded, id, request));
  }

  private static TopLogprobs top(
      MemorySegment row, Softmax distribution, int id, Policy.Request request) {
    if (!request.logprobIds().isEmpty())
      return TopIds.named(request.logprobIds(), distribution::logprob, TopIds.rank(row, id));
    int count = request.topLogprobs();
    return count == 0 ? TopLogprobs.NONE : TopIds.of(row, distribution, count, id);
  }

  /// What is drawn greedily has probability 1 in mode `sampled`.
  private Drawn greedy(MemorySegment row, int id, Policy.Request request) {
    if (request.sampling().logprobMode() != LogprobMode.SAMPLED) return recorded(row, id, request);
    return new Drawn(id, 0, kept(new int[] {id}, new float[] {0}, 1, request));
  }

  private Drawn truncated(MemorySegment row, Softmax from, double uniform, Policy.Request request) {
    int vocabulary = (int) (row.byteSize() / Float.BYTES);
    Truncation.Kept kept = truncation.of(from, vocabulary, request.sampling());
    int id = kept.at(uniform);
    if (request.sampling().logprobMode() != LogprobMode.SAMPLED) return recorded(row, id, request);
    float[] logprobs = new float[kept.ids.length];
    for (int i = 0; i < logprobs.length; i++)
      logprobs[i] = (float) Math.log(kept.masses[i] / kept.total);
    int rank = 1;
    while (kept.ids[rank - 1] != id) rank++;
    return new Drawn(id, logprobs[rank - 1], kept(kept.ids, logprobs, rank, request));
  }

  /// Ids that were left to draw from, most probable first; all others have probability 0.
  private static TopLogprobs kept(int[] ids, float[] logprobs, int rank, Policy.Request request) {
    if (!request.logprobIds().isEmpty()) {
      Map<Integer, Float> left = new HashMap<>();
      for (int i = 0; i < ids.length; i++) left.put(ids[i], logprobs[i]);
      return TopIds.named(
          request.logprobIds(), id -> left.getOrDefault(id, Float.NEGATIVE_INFINITY), rank);
    }
    int shown = Math.min(request.topLogprobs(), ids.length);
    if (shown == 0) return TopLogprobs.NONE;
    return new TopLogprobs(
        Tokens.of(Arrays.copyOf(ids, shown)), Logprobs.of(Arrays.copyOf(logprobs, shown)), rank);
  }

  /// How probable the prompt's own id was in a row; `count` most probable ids beside it.
  Drawn score(MemorySegment row, Sampling sampling, int id, int count) {
    boolean raw = sampling.greedy() || sampling.logprobMode() == LogprobMode.RAW;
    recorded.over(row, raw ? 1 : sampling.temperature());
    if (!recorded.proper()) return new Drawn(id, Float.NaN, TopLogprobs.NONE);
    return new Drawn(id, (float) recorded.logprob(id), TopIds.of(row, recorded, count, id));
  }

  /// SplitMix64 over seed and position, as a number in [0, 1).
  static double uniform(long seed, int position) {
    long z = seed + 0x9E3779B97F4A7C15L * (position + 1L);
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    z = z ^ (z >>> 31);
    z = (z ^ (z >>> 32)) * 0xD6E8FEB86659FD93L;
    return ((z ^ (z >>> 32)) >>> 11) * 0x1.0p-53;
  }
}
