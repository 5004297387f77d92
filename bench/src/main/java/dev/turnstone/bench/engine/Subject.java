package dev.turnstone.bench.engine;

import dev.turnstone.engine.Engine;
import dev.turnstone.engine.EngineConfig;
import dev.turnstone.engine.ModelConfig;
import dev.turnstone.engine.Precision;
import dev.turnstone.engine.Retention;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.WeightsId;
import java.nio.file.Path;
import java.util.SplittableRandom;

/// The engine that is measured.
///
/// @param scratch a folder that is gone afterwards
record Subject(Path folder, ModelConfig config, Options options, Path scratch) {
  private static final int MOST_TOKENS = 2048;

  /// Bytes of one token's keys and values in bf16.
  long kvBytesPerToken() {
    return 2L * config.layers() * config.kvHeads() * config.headDim() * Short.BYTES;
  }

  /// An engine in bf16 on all threads whose cache holds so many tokens.
  Engine open(long tokens, Retention retention) throws Exception {
    // Twice: a small head's values are padded to whole vectors.
    return openExactly(2 * Math.max(tokens, config.contextLength() + 64L), retention);
  }

  /// The same with memory for the plain keys and values of so many tokens.
  Engine openExactly(long tokens, Retention retention) throws Exception {
    EngineConfig engine =
        EngineConfig.DEFAULT
            .withPrecision(Precision.BF16)
            .withThreads(options.threads())
            .withMaxBatchTokens(MOST_TOKENS)
            .withKvBytes(tokens * kvBytesPerToken())
            .withRetention(retention);
    return Engine.load(folder, new WeightsId("bench", 0, ""), engine);
  }

  /// Random ids that every model with this vocabulary knows.
  Tokens prompt(int length, long seed) {
    return Tokens.of(new SplittableRandom(seed).ints(length, 0, textIds()).toArray());
  }

  /// Ids below the special ones of the models that are measured.
  private int textIds() {
    return Math.min(config.vocabulary(), 500) - 10;
  }
}
