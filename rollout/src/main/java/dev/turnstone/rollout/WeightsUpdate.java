package dev.turnstone.rollout;

import java.nio.file.Path;

/// New weights, and what becomes of the generations that run meanwhile.
///
/// @param folder holds safetensors files with Hugging Face parameter names
public record WeightsUpdate(WeightsId id, Path folder, Pause pause, Kv kv) {
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
