package dev.turnstone.engine;

import dev.turnstone.rollout.TrainablePolicy.Applied;
import dev.turnstone.rollout.TrainablePolicy.Verdict;
import dev.turnstone.rollout.TrainablePolicy.WeightsRejected;
import dev.turnstone.rollout.WeightsUpdate;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// New weights on their way from their files to the engine thread, one update at a time: read and
/// packed beside what runs, judged, handed over, awaited. Safe for many threads.
final class WeightUpdates {
  private static final Logger LOG = LoggerFactory.getLogger(WeightUpdates.class);

  /// An update may wait for generations to end.
  private static final Duration PATIENCE = Duration.ofMinutes(30);

  /// What the engine thread has in hand it ends soon.
  private static final Duration SWAP_PATIENCE = Duration.ofSeconds(30);

  private final Model model;
  private final ForwardPass forward;
  private final EngineInbox inbox;
  private final ReentrantLock updating = new ReentrantLock();

  /// Held while weights are read and packed, and to close what they are packed for.
  private final ReentrantLock preparing = new ReentrantLock();

  private boolean closed; // guarded by preparing
  private boolean freed; // guarded by preparing

  WeightUpdates(Model model, ForwardPass forward, EngineInbox inbox) {
    this.model = model;
    this.forward = forward;
    this.inbox = inbox;
  }

  Applied apply(WeightsUpdate update, Verdict verdict)
      throws WeightsRejected, InterruptedException {
    updating.lockInterruptibly();
    try {
      long started = System.nanoTime();
      ForwardPass.Weights next = prepare(update.folder(), verdict);
      await(verdict, next);
      long loaded = System.nanoTime();
      long pause = awaitApplied(inbox.replace(next, update));
      return new Applied(
          update.id(),
          TimeUnit.NANOSECONDS.toMillis(loaded - started),
          TimeUnit.NANOSECONDS.toMillis(pause));
    } finally {
      updating.unlock();
    }
  }

  /// Waits until new weights serve. Who does not wait to the end gets the old ones, unless it is
  /// too late for that.
  private static long awaitApplied(Command.Replace replace)
      throws WeightsRejected, InterruptedException {
    try {
      return pauseOf(replace, PATIENCE);
    } catch (TimeoutException e) {
      if (replace.take())
        throw new WeightsRejected("generations under way did not end in " + PATIENCE);
      return pauseOfTaken(replace);
    } catch (InterruptedException e) {
      if (replace.take()) throw e;
      long pause = pauseOfTaken(replace);
      Thread.currentThread().interrupt();
      return pause;
    }
  }

  /// The engine thread has them in hand.
  private static long pauseOfTaken(Command.Replace replace)
      throws WeightsRejected, InterruptedException {
    try {
      return pauseOf(replace, SWAP_PATIENCE);
    } catch (TimeoutException e) {
      throw new IllegalStateException("the engine did not answer", e);
    }
  }

  private static long pauseOf(Command.Replace replace, Duration patience)
      throws WeightsRejected, InterruptedException, TimeoutException {
    try {
      return replace.pauseNanos().get(patience.toMillis(), TimeUnit.MILLISECONDS);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof WeightsRejected why) throw why;
      throw new WeightsRejected("the weights were not applied: " + reason(e));
    }
  }

  private static String reason(ExecutionException e) {
    Throwable cause = e.getCause();
    return String.valueOf(cause == null ? e.getMessage() : cause.getMessage());
  }

  private ForwardPass.Weights prepare(Path folder, Verdict verdict)
      throws WeightsRejected, InterruptedException {
    String why;
    preparing.lockInterruptibly();
    try {
      if (closed) throw new WeightsRejected("the engine is closed");
      return model.loadFor(forward, folder);
    } catch (ModelException e) {
      why = String.valueOf(e.getMessage());
    } catch (RuntimeException e) {
      LOG.error("the weights in {} cannot be loaded", folder, e);
      why = "the weights cannot be loaded: " + e.getMessage();
    } finally {
      preparing.unlock();
    }
    // What the files are said to be is the better reason, if it is not true.
    verdict.await();
    throw new WeightsRejected(why);
  }

  private static void await(Verdict verdict, ForwardPass.Weights next)
      throws WeightsRejected, InterruptedException {
    boolean good = false;
    try {
      verdict.await();
      good = true;
    } finally {
      if (!good) next.close();
    }
  }

  /// Takes no update from now on, and frees the model once the engine thread has ended: it may be
  /// in the middle of a step.
  ///
  /// @param ended waits for that and says whether it has
  void close(BooleanSupplier ended) {
    preparing.lock();
    try {
      closed = true;
      if (ended.getAsBoolean() && !freed) {
        freed = true;
        model.close();
      }
    } finally {
      preparing.unlock();
    }
  }
}
