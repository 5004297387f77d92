package dev.turnstone.engine.lanes;

import static org.assertj.core.api.Assertions.assertThat;

import dev.turnstone.engine.StepBatch;
import java.util.List;
import org.junit.jupiter.api.Test;

class ChunkRowsTest {
  private static StepBatch.Part part(int count, int computed) {
    return new StepBatch.Part(0, count, computed, new int[0]);
  }

  @Test
  void theLargestChunksThatFindRoomAreHeld() {
    var small = part(8, 128);
    var few = part(7, 0);
    var large = part(100, 28);
    var beyond = part(8, 128);
    var parts = List.of(small, few, large, beyond);
    var rows = new ChunkRows(300, 1);
    rows.begin(new StepBatch(new int[0], parts, new int[0]), 8);
    assertThat(parts.stream().filter(rows::holds)).containsExactly(small, large);
    assertThat(rows.first(large)).isZero();
    assertThat(rows.first(small)).isEqualTo(128);
    assertThat(rows.rows()).isEqualTo(264);
  }

  @Test
  void chunksInBlocksBeginAtBlocks() {
    var small = part(8, 128);
    var large = part(100, 200);
    var parts = List.of(small, large);
    var rows = new ChunkRows(700, 256);
    rows.begin(new StepBatch(new int[0], parts, new int[0]), 8);
    assertThat(rows.first(large)).isZero();
    assertThat(rows.first(small)).isEqualTo(512);
    assertThat(rows.rows()).isEqualTo(768);
  }
}
