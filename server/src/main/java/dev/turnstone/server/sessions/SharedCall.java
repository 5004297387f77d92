package dev.turnstone.server.sessions;

import dev.turnstone.server.completion.Recorder;
import dev.turnstone.server.http.Call;
import dev.turnstone.server.http.EventStream;
import dev.turnstone.server.http.Refused;
import dev.turnstone.server.http.Reply;
import dev.turnstone.server.http.Route.Endpoint;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;

/// One call of an agent: runs on a thread of its own and is read by however many connections, from
/// its beginning. Losing them does not end it.
final class SharedCall {
  /// How long a stream may be silent before its client hears that it lives.
  private static final Duration SILENCE = Duration.ofSeconds(15);

  private final Optional<String> key;
  private final String body;
  private final SessionRecorder recorder;
  private final LongSupplier nanoTime;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();

  // All guarded by lock.
  private final List<String> frames = new ArrayList<>();
  private Optional<Reply> reply = Optional.empty();
  private Optional<RuntimeException> failure = Optional.empty();
  private boolean streams;
  private boolean done;
  private boolean aborted;
  private int readers;
  private boolean lost;
  private long since;
  private Optional<Thread> thread = Optional.empty();

  /// A call that has not begun.
  ///
  /// @param key what the client calls it, if anything
  /// @param body digest of what it asks for
  SharedCall(Optional<String> key, String body, SessionRecorder recorder, LongSupplier nanoTime) {
    this.key = key;
    this.body = body;
    this.recorder = recorder;
    this.nanoTime = nanoTime;
    this.since = nanoTime.getAsLong();
  }

  Optional<String> key() {
    return key;
  }

  String body() {
    return body;
  }

  SessionRecorder recorder() {
    return recorder;
  }

  void start(String name, Endpoint endpoint, Call call) {
    Thread started =
        Thread.ofVirtual()
            .name(name)
            .unstarted(
                () -> ScopedValue.where(Recorder.CURRENT, recorder).run(() -> run(endpoint, call)));
    lock.lock();
    try {
      thread = Optional.of(started);
    } finally {
      lock.unlock();
    }
    started.start();
  }

  private void run(Endpoint endpoint, Call call) {
    try {
      Reply answered = endpoint.answer(call);
      if (answered instanceof Reply.Events(var body)) {
        tell(() -> streams = true);
        body.write(new EventStream(this::keep));
      } else {
        // Kept for a retry: as bytes it is a tenth of the tree.
        Reply kept = answered instanceof Reply.Json json ? Reply.Written.of(json) : answered;
        tell(() -> reply = Optional.of(kept));
      }
    } catch (InterruptedException | CancellationException | EventStream.Gone e) {
      tell(() -> failure = Optional.of(Refused.busy("the call was aborted", "aborted")));
    } catch (RuntimeException e) {
      tell(() -> failure = Optional.of(e));
    } catch (Error e) {
      // Such as a stack that overflows: what was streamed so far must not look whole.
      tell(() -> failure = Optional.of(new IllegalStateException("the call failed", e)));
    } finally {
      recorder.close();
      tell(() -> {
        done = true;
        // It holds the request's body, which nobody needs while the reply is kept.
        thread = Optional.empty();
      });
    }
  }

  /// Whoever reads sends pings of its own.
  private void keep(String frame) {
    if (!frame.startsWith(":")) tell(() -> frames.add(frame));
  }

  private void tell(Runnable change) {
    lock.lock();
    try {
      change.run();
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /// Another connection will read.
  void join() {
    tell(() -> {
      readers++;
      lost = false;
    });
  }

  /// What the connection that joined is to answer; waits until that is known.
  Reply read() throws InterruptedException {
    lock.lock();
    try {
      // The call has a time of its own, and says when it is over.
      while (!done && !streams && reply.isEmpty()) changed.await();
      if (streams) return new Reply.Events(out -> replay(out));
      left(false);
      if (failure.isPresent()) throw failure.get();
      return reply.orElseThrow();
    } catch (InterruptedException e) {
      left(true);
      throw e;
    } finally {
      lock.unlock();
    }
  }

  private void replay(EventStream out) throws InterruptedException, EventStream.Gone {
    boolean whole = false;
    try {
      int at = 0;
      for (Optional<String> frame = next(at); frame.isPresent(); frame = next(at)) {
        if (frame.get().isEmpty()) out.ping();
        else {
          out.frame(frame.get());
          at++;
        }
      }
      whole = true;
      // What broke on the way must not look like an end.
      failed();
    } finally {
      boolean gone = !whole;
      tell(() -> left(gone));
    }
  }

  private void failed() {
    lock.lock();
    try {
      if (failure.isPresent()) throw failure.get();
    } finally {
      lock.unlock();
    }
  }

  /// The frame at a place; "" if none came for a while, empty if none will.
  private Optional<String> next(int at) throws InterruptedException {
    lock.lock();
    try {
      while (frames.size() <= at) {
        if (done) return Optional.empty();
        if (!changed.await(SILENCE.toSeconds(), TimeUnit.SECONDS)) return Optional.of("");
      }
      return Optional.of(frames.get(at));
    } finally {
      lock.unlock();
    }
  }

  private void left(boolean gone) {
    readers--;
    lost |= gone;
    since = nanoTime.getAsLong();
  }

  /// Whether nobody reads it because the connection broke.
  boolean isLost() {
    lock.lock();
    try {
      return readers == 0 && lost;
    } finally {
      lock.unlock();
    }
  }

  /// Whether nobody has read it for `grace`, so that no retry will join it.
  boolean expired(Duration grace) {
    lock.lock();
    try {
      return readers == 0 && nanoTime.getAsLong() - since > grace.toNanos();
    } finally {
      lock.unlock();
    }
  }

  /// Whether it has ended and nobody reads it.
  boolean isOver() {
    lock.lock();
    try {
      return done && readers == 0;
    } finally {
      lock.unlock();
    }
  }

  /// Whether a retry gets what it asks for.
  boolean isJoinable() {
    lock.lock();
    try {
      return !aborted;
    } finally {
      lock.unlock();
    }
  }

  boolean isDone() {
    lock.lock();
    try {
      return done;
    } finally {
      lock.unlock();
    }
  }

  /// Ends it; what it had generated is not kept.
  void abort() {
    lock.lock();
    try {
      if (done) return;
      aborted = true;
      thread.ifPresent(Thread::interrupt);
    } finally {
      lock.unlock();
    }
  }

  /// Waits for its end, for a while.
  boolean awaitDone(Duration patience) throws InterruptedException {
    long left = patience.toNanos();
    lock.lock();
    try {
      while (!done && left > 0) left = changed.awaitNanos(left);
      return done;
    } finally {
      lock.unlock();
    }
  }
}
