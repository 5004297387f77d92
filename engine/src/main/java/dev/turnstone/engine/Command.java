package dev.turnstone.engine;

import dev.turnstone.rollout.WeightsUpdate;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;

/// What callers tell the engine thread.
sealed interface Command {
  record Submit(Sequence sequence) implements Command {}

  record Abort(Sequence sequence) implements Command {}

  /// New weights.
  ///
  /// @param since when it was sent, by `System.nanoTime`
  /// @param taken set by the first of the engine thread, which then applies it, and the caller, who
  ///   gives it up
  /// @param pauseNanos answered with the time in which no token was generated
  record Replace(
      ForwardPass.Weights weights,
      WeightsUpdate update,
      long since,
      AtomicBoolean taken,
      CompletableFuture<Long> pauseNanos)
      implements Command {
    /// Whether it is the asker's to decide: nobody else was first.
    boolean take() {
      return taken.compareAndSet(false, true);
    }
  }

  /// A pause.
  ///
  /// @param still answered when nothing runs any more
  record Pause(WeightsUpdate.Pause mode, CompletableFuture<Boolean> still) implements Command {}

  record Resume(CompletableFuture<Boolean> done) implements Command {}

  /// Asks to forget what is cached.
  ///
  /// @param done answered with whether anything was forgotten
  record Forget(boolean restartRunning, CompletableFuture<Boolean> done) implements Command {}

  record EndConversation(String conversation) implements Command {}

  /// Asks whether every KV block is accounted for.
  record Check(CompletableFuture<Boolean> done) implements Command {}

  record Close() implements Command {}
}
