package dev.turnstone.engine.lanes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

class GrowingMemoryTest {
  private static final long TOO_MUCH = 1L << 56;

  @Test
  void moreThanTheMachineHasIsRefusedAndLessIsGivenAfterwards() {
    try (var room = new GrowingMemory()) {
      MemorySegment before = room.reserve(1000);
      assertThatThrownBy(() -> room.reserve(TOO_MUCH))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageStartingWith("the machine has no memory for");
      assertThat(before.scope().isAlive()).isFalse();
      assertThat(room.reserve(1000).toArray(java.lang.foreign.ValueLayout.JAVA_BYTE))
          .hasSizeGreaterThanOrEqualTo(1000)
          .containsOnly(0);
    }
  }
}
