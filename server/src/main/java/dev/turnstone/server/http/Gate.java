package dev.turnstone.server.http;

import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.LongAdder;

/// Bounds what is in flight: whoever finds it full is told to come back, nobody queues.
public final class Gate implements Admission {
  /// Lets everybody in.
  static final Gate OPEN = new Gate("requests", Integer.MAX_VALUE);

  private final String what;
  private final int bound;
  private final Semaphore free;
  private final LongAdder rejected = new LongAdder();

  /// A gate for `bound` things at once.
  ///
  /// @param what plural, for the sentence
  public Gate(String what, int bound) {
    this.what = what;
    this.bound = bound;
    this.free = new Semaphore(bound);
  }

  @Override
  public void enter() {
    if (free.tryAcquire()) return;
    rejected.increment();
    throw Refused.busy("the server is full: %d %s are in flight".formatted(bound, what), "full");
  }

  @Override
  public void leave() {
    free.release();
  }

  /// How many found it full.
  public long rejected() {
    return rejected.sum();
  }

  public int inFlight() {
    return bound - free.availablePermits();
  }
}
