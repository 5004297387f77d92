package dev.turnstone.engine;

/// How much an engine may use.
///
/// @param kvBytes memory of the KV cache
/// @param maxBatchTokens tokens of one step, prompts and generations together
/// @param maxSequences sequences that run at once; more wait
/// @param threads libtorch's threads within a step
/// @param seed of the requests that bring none
public record EngineConfig(
    Precision precision,
    long kvBytes,
    int maxBatchTokens,
    int maxSequences,
    int threads,
    long seed) {
  public static final EngineConfig DEFAULT =
      new EngineConfig(Precision.F32, 256L << 20, 2048, 256, 1, 0);

  public EngineConfig {
    if (maxBatchTokens < 1)
      throw new IllegalArgumentException("max_batch_tokens < 1: " + maxBatchTokens);
    if (maxSequences < 1 || maxSequences > maxBatchTokens)
      throw new IllegalArgumentException(
          "max_sequences is not in [1, max_batch_tokens]: " + maxSequences);
    if (threads < 1) throw new IllegalArgumentException("threads < 1: " + threads);
    if (kvBytes < 1) throw new IllegalArgumentException("kv_bytes < 1: " + kvBytes);
  }

  public EngineConfig withSeed(long value) {
    return new EngineConfig(precision, kvBytes, maxBatchTokens, maxSequences, threads, value);
  }

  public EngineConfig withKvBytes(long value) {
    return new EngineConfig(precision, value, maxBatchTokens, maxSequences, threads, seed);
  }

  public EngineConfig withMaxBatchTokens(int value) {
    return new EngineConfig(
        precision, kvBytes, value, Math.min(maxSequences, value), threads, seed);
  }

  public EngineConfig withPrecision(Precision value) {
    return new EngineConfig(value, kvBytes, maxBatchTokens, maxSequences, threads, seed);
  }
}
