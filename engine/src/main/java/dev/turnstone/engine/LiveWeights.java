package dev.turnstone.engine;

import dev.turnstone.rollout.Generation.FinishReason;
import dev.turnstone.rollout.Policy.PolicyException;
import dev.turnstone.rollout.TrainablePolicy.WeightsRejected;
import dev.turnstone.rollout.WeightsId;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;

/// The weights that serve, and those that wait to replace them. Confined to the engine thread, but
/// for [#newest].
final class LiveWeights {
  private final Scheduler scheduler;
  private final WeightsProbe probe;
  private final Deque<Command.Replace> replacements = new ArrayDeque<>();
  private ForwardPass.Weights weights;
  private volatile WeightsId id;
  private long updates;

  LiveWeights(Scheduler scheduler, WeightsProbe probe, ForwardPass.Weights weights, WeightsId id) {
    this.scheduler = scheduler;
    this.probe = probe;
    this.weights = weights;
    this.id = id;
  }

  ForwardPass.Weights weights() {
    return weights;
  }

  WeightsId id() {
    return id;
  }

  long updates() {
    return updates;
  }

  void add(Command.Replace replacement) {
    replacements.add(replacement);
  }

  boolean waiting() {
    return !replacements.isEmpty();
  }

  /// Replaces the weights, if that is asked for and its pause mode lets it be now.
  ///
  /// @param stillness whether a pause lets nothing run anyway
  /// @param admits whether sequences are admitted outside of an update
  void replace(boolean stillness, boolean admits) {
    Command.Replace next = replacements.peek();
    if (next == null || givenUp(next, admits)) return;
    long since = System.nanoTime();
    switch (next.update().pause()) {
      case KEEP -> {}
      case ABORT ->
          scheduler.running().forEach(sequence -> scheduler.end(sequence, FinishReason.ABORT));
      case WAIT -> {
        scheduler.admitting(false);
        if (!scheduler.running().isEmpty() && !stillness) return;
        since = next.since();
      }
    }
    if (!next.take()) return; // given up meanwhile, which the next call sees
    scheduler.admitting(admits);
    Optional<String> objection = probe.objection(next.update().probe(), next.weights());
    // Not before: should asking end the thread, whoever waits for this update is told.
    replacements.poll();
    if (objection.isPresent()) {
      next.weights().close();
      next.pauseNanos().completeExceptionally(new WeightsRejected(objection.get()));
      return;
    }
    swap(next);
    next.pauseNanos().complete(System.nanoTime() - since);
  }

  private boolean givenUp(Command.Replace next, boolean admits) {
    if (!next.taken().get()) return false;
    scheduler.admitting(admits);
    replacements.poll();
    next.weights().close();
    return true;
  }

  private void swap(Command.Replace next) {
    weights.close();
    weights = next.weights();
    id = next.update().id();
    updates++;
    scheduler.forgetCached();
    switch (next.update().kv()) {
      case KEEP -> scheduler.running().forEach(sequence -> sequence.staleKv = true);
      case RECOMPUTE -> scheduler.recomputeRunning();
    }
  }

  /// Frees everything; updates that wait fail.
  void close(PolicyException why) {
    for (Command.Replace replace : replacements) {
      replace.weights().close();
      replace.pauseNanos().completeExceptionally(why);
    }
    replacements.clear();
    weights.close();
  }
}
