package dev.turnstone.rollout;

import java.nio.file.Path;
import java.util.Optional;

/// New weights, and what becomes of the generations that run meanwhile.
///
/// @param folder holds safetensors files with Hugging Face parameter names
/// @param probe what the weights must give before they serve
public record WeightsUpdate(WeightsId id, Path folder, Pause pause, Kv kv, Optional<Probe> probe) {
  /// Without a probe.
  public WeightsUpdate(WeightsId id, Path folder, Pause pause, Kv kv) {
    this(id, folder, pause, kv, Optional.empty());
  }

  /// The same weights in another folder.
  public WeightsUpdate in(Path other) {
    return new WeightsUpdate(id, other, pause, kv, probe);
  }

  /// Ids, and how probable each is after those before it under the weights, at temperature 1.
  ///
  /// @param ids at least two
  /// @param logprobs one per id but the first
  /// @param tolerance greatest mean difference, in nats; kernels and precisions differ
  public record Probe(Tokens ids, Logprobs logprobs, double tolerance) {
    /// What bf16 and other kernels explain, and other weights do not.
    public static final double USUAL_TOLERANCE = 0.05;

    public Probe {
      if (ids.size() < 2)
        throw new IllegalArgumentException("a probe has at least 2 ids, but this " + ids.size());
      if (logprobs.size() != ids.size() - 1)
        throw new IllegalArgumentException(
            "a probe of %d ids has %d log-probabilities, but this %d"
                .formatted(ids.size(), ids.size() - 1, logprobs.size()));
      for (int i = 0; i < logprobs.size(); i++)
        if (!(logprobs.get(i) <= 0))
          throw new IllegalArgumentException(
              "the probe's log-probability %s at %d is not at most 0"
                  .formatted(logprobs.get(i), i));
      if (!(tolerance >= 0 && tolerance <= 100))
        throw new IllegalArgumentException(
            "the probe's tolerance is not in [0, 100]: " + tolerance);
    }
  }

  /// What happens to running generations.
  public enum Pause {
    /// They stand still and go on under the new weights.
    KEEP,
    /// They finish first; new ones wait.
    WAIT,
    /// They end as `ABORT` with the tokens so far.
    ABORT
  }

  /// What happens to the KV blocks of running generations.
  public enum Kv {
    /// They stay; later tokens are flagged `mixed_kv`.
    KEEP,
    /// They are computed again under the new weights.
    RECOMPUTE
  }
}
