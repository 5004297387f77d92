package dev.turnstone.engine.chat;

import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/// Work on long texts, on half as many threads as there are cores: a virtual thread in native code
/// holds its carrier, so a few long prompts would stop every other request of the process.
final class LongTexts {
  /// Letters from which on a text is long: some milliseconds.
  static final int LONG = 16 << 10;

  private static final int THREADS = Math.max(1, Runtime.getRuntime().availableProcessors() / 2);

  // Whoever asks waits, so the queue has as many entries as there are requests.
  private static final ThreadPoolExecutor POOL =
      new ThreadPoolExecutor(
          THREADS,
          THREADS,
          10,
          TimeUnit.SECONDS,
          new LinkedBlockingQueue<>(),
          Thread.ofPlatform().daemon().name("long-texts-", 0).factory());

  static {
    POOL.allowCoreThreadTimeOut(true);
  }

  private LongTexts() {}

  /// Works on a text, elsewhere if it is long; waits for the end. Who is interrupted meanwhile
  /// takes its work back if nobody has begun it.
  ///
  /// @throws CancellationException if that happened; the thread is interrupted still
  static <T> T work(int length, Supplier<T> work) {
    if (length < LONG) return work.get();
    Future<T> future = POOL.submit(work::get);
    try {
      return future.get();
    } catch (InterruptedException e) {
      future.cancel(false);
      Thread.currentThread().interrupt();
      throw new CancellationException("nobody waits for the text any more");
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException known) throw known;
      throw new IllegalStateException("the tokenizer failed", e.getCause());
    }
  }
}
