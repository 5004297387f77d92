package dev.turnstone.server.runs;

import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.ToLongFunction;

/// What a peer has sent and nobody has read yet. When that is too much, the transport is paused
/// until most of it has been read. One thread adds, one takes.
final class IncomingFrames<T> {
  /// Frames at which the transport is paused, and at which it goes on.
  static final int HIGH = 64;

  static final int LOW = 16;

  /// The same of their bytes.
  static final long HIGH_BYTES = 8 << 20;

  static final long LOW_BYTES = 1 << 20;

  private final ToLongFunction<T> size;
  private final Runnable pause;
  private final Runnable resume;

  // Bounded by HIGH, HIGH_BYTES and what one read of the transport brings.
  private final BlockingQueue<T> frames = new LinkedBlockingQueue<>();

  private final AtomicLong bytes = new AtomicLong();

  /// @param size what a large frame holds in memory, in bytes; 0 for others
  /// @param pause called by the thread that adds
  /// @param resume called by either
  IncomingFrames(ToLongFunction<T> size, Runnable pause, Runnable resume) {
    this.size = size;
    this.pause = pause;
    this.resume = resume;
  }

  void add(T frame) {
    long waiting = bytes.addAndGet(size.applyAsLong(frame));
    frames.add(frame);
    if (frames.size() < HIGH && waiting < HIGH_BYTES) return;
    pause.run();
    // The reader may have taken them before the pause, and would not resume a second time.
    if (frames.size() <= LOW && bytes.get() <= LOW_BYTES) resume.run();
  }

  T take() throws InterruptedException {
    T frame = frames.take();
    long held = size.applyAsLong(frame);
    long waiting = bytes.addAndGet(-held);
    int left = frames.size();
    if (left == LOW || (held > 0 && left < LOW && waiting <= LOW_BYTES)) resume.run();
    return frame;
  }
}
