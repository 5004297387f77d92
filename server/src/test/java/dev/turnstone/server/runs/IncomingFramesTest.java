package dev.turnstone.server.runs;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/// Frames are their sizes in bytes.
public class IncomingFramesTest {
  private boolean paused;
  private Runnable beforePause = () -> {};
  private final IncomingFrames<Long> frames =
      new IncomingFrames<>(
          size -> size,
          () -> {
            beforePause.run();
            paused = true;
          },
          () -> paused = false);

  private void add(int count, long size) {
    for (int i = 0; i < count; i++) frames.add(size);
  }

  private void take(int count) {
    try {
      for (int i = 0; i < count; i++) frames.take();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void theTransportWaitsFromManyFramesToFew() {
    add(IncomingFrames.HIGH - 1, 0);
    assertThat(paused).isFalse();
    add(1, 0);
    assertThat(paused).isTrue();
    take(IncomingFrames.HIGH - IncomingFrames.LOW - 1);
    assertThat(paused).isTrue();
    take(1);
    assertThat(paused).isFalse();
  }

  @Test
  void theTransportWaitsFromManyBytesToFew() {
    add(8, 1 << 20);
    assertThat(paused).isTrue();
    take(6);
    assertThat(paused).isTrue();
    take(1);
    assertThat(paused).isFalse();
  }

  @Test
  void aReaderThatEmptiedTheQueueJustBeforeThePauseIsNotWaitedFor() {
    beforePause = () -> take(IncomingFrames.HIGH);
    add(IncomingFrames.HIGH, 0);
    assertThat(paused).isFalse();

    beforePause = () -> take(8);
    add(8, 1 << 20);
    assertThat(paused).isFalse();
  }
}
