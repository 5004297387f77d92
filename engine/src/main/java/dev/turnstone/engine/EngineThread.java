package dev.turnstone.engine;

import dev.turnstone.rollout.Generation.FinishReason;
import dev.turnstone.rollout.Policy.PolicyException;
import dev.turnstone.rollout.WeightsId;
import java.time.Duration;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The one thread that owns sequences, blocks, KV cache and weights.
///
/// Each turn of its loop takes what callers sent, replaces weights if it must, and runs one step.
/// Callers reach it through the inbox alone; what it tells them goes through futures and volatile
/// snapshots.
final class EngineThread implements Runnable {
  private static final Logger LOG = LoggerFactory.getLogger(EngineThread.class);

  /// Logits of prompt tokens that a sequence may have in memory at once.
  private static final int SCORED_BYTES = 64 << 20;

  private final EngineInbox inbox;
  private final EngineConfig config;
  private final ForwardPass forward;
  private final Scheduler scheduler;
  private final TokenStep step;
  private final LiveWeights weights;
  private final StepClock clock = new StepClock();
  private final Thread thread;
  private final Pausing pausing;
  private boolean open = true;
  private volatile EngineStats stats;

  private EngineThread(
      EngineInbox inbox,
      ModelConfig model,
      ForwardPass forward,
      ForwardPass.Weights weights,
      WeightsId id,
      EngineConfig config) {
    this.inbox = inbox;
    this.config = config;
    this.forward = forward;
    int scored = Math.max(1, SCORED_BYTES / (Float.BYTES * model.vocabulary()));
    this.scheduler =
        new Scheduler(
            new BlockPool(forward.blocks()),
            config.maxBatchTokens(),
            config.maxSequences(),
            scored,
            config.retention(),
            System::nanoTime);
    this.pausing = new Pausing(scheduler);
    this.step = new TokenStep(forward, scheduler, model.contextLength());
    int probed = Math.min(config.maxBatchTokens(), scored);
    this.weights =
        new LiveWeights(
            scheduler, new WeightsProbe(forward, scheduler, model, probed), weights, id);
    this.stats = newStats();
    // A platform thread: a native call would pin a virtual thread's carrier for a whole step.
    this.thread = Thread.ofPlatform().name("engine").daemon(true).unstarted(this);
  }

  static EngineThread start(
      EngineInbox inbox,
      ModelConfig model,
      ForwardPass forward,
      ForwardPass.Weights weights,
      WeightsId id,
      EngineConfig config) {
    var engine = new EngineThread(inbox, model, forward, weights, id, config);
    engine.thread.start();
    return engine;
  }

  // Called by any thread.

  boolean paused() {
    return pausing.paused();
  }

  WeightsId weights() {
    return weights.id();
  }

  EngineStats stats() {
    return stats;
  }

  /// Whether the thread has ended, so that its native memory is free.
  boolean close(Duration patience) {
    inbox.close();
    try {
      return thread.join(patience);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  // From here on: the engine thread.

  @Override
  public void run() {
    Model.prepareThread(config.threads());
    try {
      while (open) turn();
    } catch (InterruptedException | RuntimeException | Error e) {
      LOG.error("the engine thread ends", e);
    } finally {
      close();
    }
  }

  private void turn() throws InterruptedException {
    boolean idle = (scheduler.isIdle() || pausing.standsStill()) && !weights.waiting();
    receive(idle);
    if (idle) clock.rested();
    weights.replace(pausing.standsStill(), !pausing.paused());
    expire();
    if (!pausing.standsStill()) step();
    stats = newStats();
    clock.turned();
  }

  /// Takes everything callers sent; waits for it if there is nothing else to do.
  private void receive(boolean patiently) throws InterruptedException {
    Optional<Command> command = inbox.take(patiently);
    for (; command.isPresent(); command = inbox.take(false)) obey(command.get());
  }

  private void obey(Command command) {
    switch (command) {
      case Command.Submit(Sequence sequence) -> scheduler.add(sequence);
      case Command.Abort(Sequence sequence) -> scheduler.end(sequence, FinishReason.ABORT);
      case Command.Replace replace -> weights.add(replace);
      case Command.Pause begun -> pausing.begin(begun);
      case Command.Resume resume -> pausing.end(resume);
      case Command.Forget(boolean restart, var done) -> done.complete(forget(restart));
      case Command.EndConversation(String conversation) -> scheduler.forget(conversation);
      case Command.Check check -> check(check);
      case Command.Close() -> open = false;
    }
  }

  private boolean forget(boolean restartRunning) {
    if (!scheduler.running().isEmpty() && !restartRunning) return false;
    scheduler.recomputeRunning();
    scheduler.forgetCached();
    return true;
  }

  private void check(Command.Check check) {
    try {
      scheduler.checkIntegrity();
      stats = newStats();
      check.done().complete(true);
    } catch (IllegalStateException e) {
      check.done().completeExceptionally(e);
    }
  }

  private void expire() {
    long now = System.nanoTime();
    for (Sequence sequence : scheduler.all())
      if (sequence.deadlineNanos - now <= 0) scheduler.end(sequence, FinishReason.ABORT);
  }

  private void step() throws InterruptedException {
    long started = System.nanoTime();
    Schedule next = scheduler.schedule();
    if (next.batch().isEmpty()) return;
    long scheduled = System.nanoTime();
    clock.scheduled(scheduled - started);
    int tokens = next.batch().stream().mapToInt(sequence -> sequence.scheduled).sum();
    try {
      step.run(next, weights.weights(), weights.id());
      clock.stepped(System.nanoTime() - scheduled, tokens);
    } catch (RuntimeException e) {
      // What the step wrote is unknown, so nothing cached may be used again.
      LOG.error("a step of {} sequences failed", next.batch().size(), e);
      scheduler.forgetCached();
      failAll(new PolicyException("the engine failed: " + e.getMessage(), e));
    }
  }

  private EngineStats newStats() {
    return scheduler.stats(
        step.generated(), weights.updates(), forward.cacheBytes(), clock.times());
  }

  private void failAll(PolicyException why) {
    for (Sequence sequence : scheduler.all()) {
      scheduler.remove(sequence);
      sequence.fail(why);
    }
  }

  private void close() {
    open = false;
    inbox.shut();
    var why = new PolicyException("the engine is closed");
    failAll(why);
    pausing.close(why);
    try {
      for (var left = inbox.take(false); left.isPresent(); left = inbox.take(false))
        refuse(left.get(), why);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    weights.close(why);
    forward.close();
  }

  private void refuse(Command left, PolicyException why) {
    switch (left) {
      case Command.Submit(Sequence sequence) -> sequence.fail(why);
      case Command.Replace replace -> weights.add(replace);
      case Command.Pause(var mode, var still) -> still.completeExceptionally(why);
      case Command.Resume(var done) -> done.completeExceptionally(why);
      case Command.Forget(var restart, var done) -> done.completeExceptionally(why);
      case Command.Check(var done) -> done.completeExceptionally(why);
      case Command.Abort _, Command.EndConversation _, Command.Close _ -> {}
    }
  }
}
