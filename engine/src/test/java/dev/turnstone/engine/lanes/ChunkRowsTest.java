package dev.turnstone.engine.lanes;

import static org.assertj.core.api.Assertions.assertThat;

import dev.turnstone.engine.ModelConfig;
import dev.turnstone.engine.Precision;
import dev.turnstone.engine.StepBatch;
import java.util.List;
import org.junit.jupiter.api.Test;

class ChunkRowsTest {
  private static StepBatch.Part part(int count, int computed) {
    return new StepBatch.Part(0, count, computed, new int[0]);
  }

  @Test
  void theLargestChunksThatFindRoomAreHeld() {
    ModelConfig config = ModelConfig.llama(131, 96, 160, 2, 4, 2, 8, 256, 1e-5, 10_000, true);
    var small = part(8, 128);
    var few = part(7, 0);
    var large = part(100, 28);
    var beyond = part(8, 128);
    var parts = List.of(small, few, large, beyond);
    try (var torch = new Libtorch(config, Precision.F32);
        var rows = new ChunkRows(config, torch, Elements.of(Precision.F32), 300)) {
      rows.begin(new StepBatch(new int[0], parts, new int[0]), 8);
      assertThat(parts.stream().filter(rows::holds)).containsExactly(small, large);
      assertThat(rows.first(large)).isZero();
      assertThat(rows.first(small)).isEqualTo(128);
      assertThat(rows.recalls()).isTrue();
    }
  }
}
