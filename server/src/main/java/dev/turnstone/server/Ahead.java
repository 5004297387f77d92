package dev.turnstone.server;

import dev.turnstone.server.http.StartupError;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/// Something that is loaded on a thread of its own while the caller loads other things: a start is
/// as long as its longest part, not as all of them together.
///
/// Closing it waits for the thread and closes what nobody has taken.
final class Ahead<T> implements AutoCloseable {
  /// Long enough for the largest model on the slowest disk.
  private static final long PATIENCE_HOURS = 2;

  private final String name;
  private final FutureTask<T> task;
  private boolean taken;

  private Ahead(String name, FutureTask<T> task) {
    this.name = name;
    this.task = task;
  }

  /// A platform thread: loading is mostly native code, which would hold a virtual thread's carrier.
  static <T> Ahead<T> load(String name, Callable<T> load) {
    var task = new FutureTask<>(load);
    Thread.ofPlatform().name("load-" + name).daemon(true).start(task);
    return new Ahead<>(name, task);
  }

  /// What was loaded, which is the caller's from now on.
  ///
  /// @param expected the checked exception that loading may throw
  <E extends Exception> T take(Class<E> expected) throws E, InterruptedException {
    try {
      T loaded = task.get(PATIENCE_HOURS, TimeUnit.HOURS);
      taken = true;
      return loaded;
    } catch (ExecutionException e) {
      Throwable cause = e.getCause();
      if (expected.isInstance(cause)) throw expected.cast(cause);
      if (cause instanceof RuntimeException failure) throw failure;
      if (cause instanceof Error failure) throw failure;
      throw new IllegalStateException(cause);
    } catch (TimeoutException e) {
      throw new StartupError("%s took more than %d h to load".formatted(name, PATIENCE_HOURS));
    }
  }

  @Override
  public void close() {
    if (taken) return;
    try {
      if (task.get(PATIENCE_HOURS, TimeUnit.HOURS) instanceof AutoCloseable unused) unused.close();
    } catch (ExecutionException e) {
      // Whoever would have taken it would have been told.
    } catch (Exception e) {
      if (e instanceof InterruptedException) Thread.currentThread().interrupt();
      else throw new IllegalStateException(e);
    }
  }
}
