package dev.turnstone.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/// How much a KV cache holds of what it is given.
final class CacheSizeTest {
  private static final long MIB = 1 << 20;

  private final ModelConfig config = config();

  private static ModelConfig config() {
    try {
      return ModelConfig.read(Path.of("../models/tiny"));
    } catch (ModelException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void aModelWhoseLongestSequenceNeedsMoreThanUsualGetsThat() {
    int least = Math.ceilDiv(config.contextLength(), Model.BLOCK) + 1;

    assertThat(CacheSize.blocks(config, CacheSize.FITTING, MIB)).isEqualTo(Math.max(256, least));
    assertThat(CacheSize.blocks(config, CacheSize.FITTING, 100 * MIB)).isEqualTo(least);
  }

  @Test
  void moreThanTheMachineHasIsRefusedBeforeItIsTaken() {
    assertThat(CacheSize.blocksHere(config, CacheSize.FITTING, MIB))
        .isEqualTo(CacheSize.blocks(config, CacheSize.FITTING, MIB));
    assertThatThrownBy(() -> CacheSize.blocksHere(config, 1L << 50, MIB))
        .hasMessageStartingWith("a KV cache of")
        .hasMessageContaining("does not fit in the")
        .hasMessageEndingWith("MiB of this machine");
  }

  @Test
  void tooLittleIsRefusedWithWhatIsEnough() {
    int least = Math.ceilDiv(config.contextLength(), Model.BLOCK) + 1;

    assertThat(CacheSize.blocks(config, least * MIB, MIB)).isEqualTo(least);
    assertThatThrownBy(() -> CacheSize.blocks(config, 2 * MIB, MIB))
        .hasMessage(
            "a KV cache of 2 MiB holds 16 tokens, but one sequence of the model may have %d: set engine.kv_mib to %d or more",
            config.contextLength(), least);
  }
}
