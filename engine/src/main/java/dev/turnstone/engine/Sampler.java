package dev.turnstone.engine;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.IValue;
import dev.turnstone.rollout.Sampling;
import java.util.List;

/// Draws the next token of each sequence.
///
/// The uniform number of a draw is a function of the request's seed and the token's position alone,
/// so neither the batch nor a preemption changes what is drawn. The log-probability is the one over
/// the whole vocabulary at the request's temperature, before any truncation.
final class Sampler {
  private final Model model;

  Sampler(Model model) {
    this.model = model;
  }

  record Drawn(int id, float logprob) {}

  /// One draw per row of the logits.
  Drawn[] draw(ModelRunner.Logits logits, PtNDManager step) {
    List<Sequence> sequences = logits.sequences();
    int count = sequences.size();
    float[] temperatures = new float[count];
    double[] uniforms = new double[count];
    for (int i = 0; i < count; i++) {
      Sequence sequence = sequences.get(i);
      temperatures[i] = (float) sequence.request.sampling().temperature();
      uniforms[i] = uniform(sequence.seed, sequence.length());
    }
    PtNDArray sampled =
        model.run(
            step,
            "sample",
            IValue.from(logits.values()),
            IValue.from((PtNDArray) step.create(temperatures)),
            IValue.from((PtNDArray) step.create(uniforms, new Shape(count))));
    double[] pairs = sampled.toDoubleArray();
    Drawn[] drawn = new Drawn[count];
    for (int i = 0; i < count; i++) {
      Sampling sampling = sequences.get(i).request.sampling();
      drawn[i] =
          sampling.truncates() && !sampling.greedy()
              ? truncated(logits.values(), i, sampling, uniforms[i])
              : new Drawn((int) pairs[2 * i], (float) pairs[2 * i + 1]);
    }
    return drawn;
  }

  private static Drawn truncated(PtNDArray logits, int row, Sampling sampling, double uniform) {
    try (NDArray values = logits.get(row)) {
      return Truncation.draw(values.toFloatArray(), sampling, uniform);
    }
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
