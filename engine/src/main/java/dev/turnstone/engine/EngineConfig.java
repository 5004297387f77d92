package dev.turnstone.engine;

/// How much an engine may use, and how it computes.
///
/// @param kvBytes memory of the KV cache, or [CacheSize#FITTING]
/// @param maxBatchTokens tokens of one step, prompts and generations together
/// @param maxSequences sequences that run at once; more wait
/// @param threads lanes on a CPU; libtorch's threads where lanes cannot compute the model
/// @param seed of the requests that bring none
/// @param forward which forward pass runs
/// @param deterministic whether a request's numbers must not depend on what runs beside it, bit for
///   bit
/// @param retention what happens to a conversation's KV blocks between its turns
public record EngineConfig(
    Precision precision,
    long kvBytes,
    int maxBatchTokens,
    int maxSequences,
    int threads,
    long seed,
    Forward forward,
    boolean deterministic,
    Retention retention) {
  /// Requests that an engine has at once, waiting ones included: far more than it can run, so that
  /// a whole run's rollouts may wait, and far fewer than memory holds.
  static final int MOST_REQUESTS = 1 << 14;

  public static final EngineConfig DEFAULT =
      new EngineConfig(
          Precision.F32,
          CacheSize.FITTING,
          2048,
          256,
          1,
          0,
          Forward.FASTEST,
          false,
          Retention.ADAPTIVE);

  /// A forward pass.
  public enum Forward {
    /// Lanes where they can compute the model, else TorchScript.
    FASTEST,
    /// The reference.
    TORCHSCRIPT
  }

  public EngineConfig {
    if (maxBatchTokens < 1)
      throw new IllegalArgumentException("max_batch_tokens < 1: " + maxBatchTokens);
    if (maxSequences < 1 || maxSequences > maxBatchTokens)
      throw new IllegalArgumentException(
          "max_sequences is not in [1, max_batch_tokens]: " + maxSequences);
    if (threads < 1) throw new IllegalArgumentException("threads < 1: " + threads);
    if (kvBytes < 0) throw new IllegalArgumentException("kv_bytes < 0: " + kvBytes);
    if (deterministic && forward == Forward.TORCHSCRIPT)
      throw new IllegalArgumentException("the TorchScript forward pass is not deterministic");
  }

  public EngineConfig withSeed(long value) {
    return new EngineConfig(
        precision,
        kvBytes,
        maxBatchTokens,
        maxSequences,
        threads,
        value,
        forward,
        deterministic,
        retention);
  }

  public EngineConfig withKvBytes(long value) {
    return new EngineConfig(
        precision,
        value,
        maxBatchTokens,
        maxSequences,
        threads,
        seed,
        forward,
        deterministic,
        retention);
  }

  public EngineConfig withMaxBatchTokens(int value) {
    int sequences = Math.min(maxSequences, value);
    return new EngineConfig(
        precision, kvBytes, value, sequences, threads, seed, forward, deterministic, retention);
  }

  public EngineConfig withPrecision(Precision value) {
    return new EngineConfig(
        value,
        kvBytes,
        maxBatchTokens,
        maxSequences,
        threads,
        seed,
        forward,
        deterministic,
        retention);
  }

  public EngineConfig withThreads(int value) {
    return new EngineConfig(
        precision,
        kvBytes,
        maxBatchTokens,
        maxSequences,
        value,
        seed,
        forward,
        deterministic,
        retention);
  }

  public EngineConfig withForward(Forward value) {
    return new EngineConfig(
        precision,
        kvBytes,
        maxBatchTokens,
        maxSequences,
        threads,
        seed,
        value,
        deterministic,
        retention);
  }

  public EngineConfig withDeterministic(boolean value) {
    return new EngineConfig(
        precision, kvBytes, maxBatchTokens, maxSequences, threads, seed, forward, value, retention);
  }

  public EngineConfig withRetention(Retention value) {
    return new EngineConfig(
        precision,
        kvBytes,
        maxBatchTokens,
        maxSequences,
        threads,
        seed,
        forward,
        deterministic,
        value);
  }
}
