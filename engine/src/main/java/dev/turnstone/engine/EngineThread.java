package dev.turnstone.engine;

import ai.djl.engine.EngineException;
import dev.turnstone.engine.grammar.Guide;
import dev.turnstone.rollout.Generation.FinishReason;
import dev.turnstone.rollout.Policy;
import dev.turnstone.rollout.Policy.PolicyException;
import dev.turnstone.rollout.WeightsId;
import dev.turnstone.rollout.WeightsUpdate;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The one thread that owns sequences, blocks, KV cache and weights.
///
/// Each turn of its loop takes what callers sent, replaces weights if it must, and runs one step.
/// Callers reach it through the inbox alone; what it tells them goes through futures and two
/// volatile snapshots.
final class EngineThread implements Runnable {
  private static final Logger LOG = LoggerFactory.getLogger(EngineThread.class);

  /// Logits of prompt tokens that a sequence may have in memory at once.
  private static final int SCORED_BYTES = 64 << 20;

  /// How long a step waits for masks that are late.
  private static final Duration MASK_PATIENCE = Duration.ofMillis(10);

  private final ModelConfig model;
  private final BlockPool pool;
  private final Scheduler scheduler;
  private final ForwardPass forward;
  private final Sampler sampler;
  private final EngineConfig config;
  private final Thread thread;
  private final LinkedBlockingQueue<Command> inbox = new LinkedBlockingQueue<>();
  private final Deque<Command.Replace> replacements = new ArrayDeque<>();
  private ForwardPass.Weights weights;
  private WeightsId id;
  private long steps;
  private long generated;
  private long updates;
  private long maskDeadline;
  private long requests;
  private Optional<Command.Pause> pause = Optional.empty();
  private boolean open = true;
  private volatile boolean paused;
  private volatile WeightsId newest;
  private volatile EngineStats stats;

  private sealed interface Command {
    record Submit(Sequence sequence) implements Command {}

    record Abort(Sequence sequence) implements Command {}

    record Replace(
        ForwardPass.Weights weights,
        WeightsUpdate update,
        long since,
        CompletableFuture<Long> pauseNanos)
        implements Command {}

    record Pause(WeightsUpdate.Pause mode, CompletableFuture<Boolean> still) implements Command {}

    record Resume(CompletableFuture<Boolean> done) implements Command {}

    record Forget(boolean restartRunning, CompletableFuture<Boolean> done) implements Command {}

    record EndConversation(String conversation) implements Command {}

    record Check(CompletableFuture<Boolean> done) implements Command {}

    record Close() implements Command {}
  }

  private EngineThread(
      ModelConfig model,
      ForwardPass forward,
      ForwardPass.Weights weights,
      WeightsId id,
      EngineConfig config) {
    this.model = model;
    this.forward = forward;
    this.weights = weights;
    this.id = id;
    this.newest = id;
    this.config = config;
    this.pool = new BlockPool(forward.blocks());
    int rowBytes = Float.BYTES * model.vocabulary();
    this.scheduler =
        new Scheduler(
            pool,
            config.maxBatchTokens(),
            config.maxSequences(),
            Math.max(1, SCORED_BYTES / rowBytes),
            config.retention(),
            System::nanoTime);
    this.sampler = new Sampler();
    this.stats = scheduler.stats(0, 0, 0);
    // A platform thread: a native call would pin a virtual thread's carrier for a whole step.
    this.thread = Thread.ofPlatform().name("engine").daemon(true).unstarted(this);
  }

  static EngineThread start(
      ModelConfig model,
      ForwardPass forward,
      ForwardPass.Weights weights,
      WeightsId id,
      EngineConfig config) {
    var engine = new EngineThread(model, forward, weights, id, config);
    engine.thread.start();
    return engine;
  }

  // Called by any thread.

  Sequence submit(Policy.Request request, Policy.TokenListener listener, Optional<Guide> guide)
      throws PolicyException {
    if (!thread.isAlive()) throw new PolicyException("the engine is closed");
    long seed = request.sampling().seed().orElseGet(this::nextSeed);
    long deadline = System.nanoTime() + request.timeout().toNanos();
    var sequence = new Sequence(request, listener, seed, deadline, guide);
    inbox.add(new Command.Submit(sequence));
    return sequence;
  }

  private synchronized long nextSeed() {
    return config.seed() * 0x9E3779B97F4A7C15L + 0x632BE59BD9B4E019L * ++requests;
  }

  void forget(String conversation) {
    inbox.add(new Command.EndConversation(conversation));
  }

  void abort(Sequence sequence) {
    inbox.add(new Command.Abort(sequence));
  }

  CompletableFuture<Long> replace(ForwardPass.Weights next, WeightsUpdate update) {
    var done = new CompletableFuture<Long>();
    inbox.add(new Command.Replace(next, update, System.nanoTime(), done));
    return done;
  }

  CompletableFuture<Boolean> pause(WeightsUpdate.Pause mode) {
    var still = new CompletableFuture<Boolean>();
    inbox.add(new Command.Pause(mode, still));
    return still;
  }

  CompletableFuture<Boolean> resume() {
    var done = new CompletableFuture<Boolean>();
    inbox.add(new Command.Resume(done));
    return done;
  }

  boolean paused() {
    return paused;
  }

  CompletableFuture<Boolean> forgetPrefixes(boolean restartRunning) {
    var done = new CompletableFuture<Boolean>();
    inbox.add(new Command.Forget(restartRunning, done));
    return done;
  }

  CompletableFuture<Boolean> checkIntegrity() {
    var done = new CompletableFuture<Boolean>();
    inbox.add(new Command.Check(done));
    return done;
  }

  WeightsId weights() {
    return newest;
  }

  EngineStats stats() {
    return stats;
  }

  /// Whether the thread has ended, so that its native memory is free.
  boolean close(Duration patience) {
    inbox.add(new Command.Close());
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
      while (open) {
        receive();
        replaceWeights();
        expire();
        List<Sequence> batch = standsStill() ? List.of() : scheduler.schedule();
        if (!batch.isEmpty()) step(batch);
        stats = scheduler.stats(steps, generated, updates);
      }
    } catch (InterruptedException | RuntimeException e) {
      LOG.error("the engine thread ends", e);
    } finally {
      open = false;
      endAll(new PolicyException("the engine is closed"));
      weights.close();
      forward.close();
    }
  }

  /// Takes everything callers sent; waits for it if there is nothing else to do.
  private void receive() throws InterruptedException {
    Command command =
        (scheduler.isIdle() || standsStill()) && replacements.isEmpty()
            ? inbox.poll(1, TimeUnit.SECONDS)
            : inbox.poll();
    for (; command != null; command = inbox.poll()) {
      switch (command) {
        case Command.Submit(Sequence sequence) -> scheduler.add(sequence);
        case Command.Abort(Sequence sequence) -> end(sequence, FinishReason.ABORT);
        case Command.Replace replace -> replacements.add(replace);
        case Command.Pause begun -> begin(begun);
        case Command.Resume(CompletableFuture<Boolean> done) -> {
          pause.ifPresent(ended -> ended.still().complete(true));
          pause = Optional.empty();
          paused = false;
          scheduler.admitting(true);
          done.complete(true);
        }
        case Command.Forget(boolean restart, CompletableFuture<Boolean> done) ->
            done.complete(forget(restart));
        case Command.EndConversation(String conversation) -> scheduler.forget(conversation);
        case Command.Check(CompletableFuture<Boolean> done) -> check(done);
        case Command.Close() -> open = false;
      }
    }
  }

  private void begin(Command.Pause begun) {
    pause.ifPresent(earlier -> earlier.still().complete(true));
    pause = Optional.of(begun);
    paused = true;
    if (begun.mode() == WeightsUpdate.Pause.ABORT)
      scheduler.all().forEach(sequence -> end(sequence, FinishReason.ABORT));
    scheduler.admitting(false);
  }

  /// Whether a pause lets nothing run; only `WAIT` lets run what runs.
  private boolean standsStill() {
    if (pause.isEmpty()) return false;
    boolean still = pause.get().mode() != WeightsUpdate.Pause.WAIT || scheduler.running().isEmpty();
    if (still) pause.get().still().complete(true);
    return still;
  }

  private boolean forget(boolean restartRunning) {
    if (!scheduler.running().isEmpty() && !restartRunning) return false;
    scheduler.recomputeRunning();
    scheduler.forgetCached();
    return true;
  }

  private void check(CompletableFuture<Boolean> done) {
    try {
      scheduler.checkIntegrity();
      stats = scheduler.stats(steps, generated, updates);
      done.complete(true);
    } catch (IllegalStateException e) {
      done.completeExceptionally(e);
    }
  }

  private void replaceWeights() {
    Command.Replace next = replacements.peek();
    if (next == null) return;
    long paused = System.nanoTime();
    switch (next.update().pause()) {
      case KEEP -> {}
      case ABORT -> scheduler.running().forEach(sequence -> end(sequence, FinishReason.ABORT));
      case WAIT -> {
        scheduler.admitting(false);
        if (!scheduler.running().isEmpty() && !standsStill()) return;
        paused = next.since();
      }
    }
    replacements.poll();
    scheduler.admitting(pause.isEmpty());
    swap(next);
    next.pauseNanos().complete(System.nanoTime() - paused);
  }

  private void swap(Command.Replace next) {
    weights.close();
    weights = next.weights();
    id = next.update().id();
    newest = id;
    updates++;
    scheduler.forgetCached();
    switch (next.update().kv()) {
      case KEEP -> scheduler.running().forEach(sequence -> sequence.staleKv = true);
      case RECOMPUTE -> scheduler.recomputeRunning();
    }
  }

  private void expire() {
    long now = System.nanoTime();
    for (Sequence sequence : scheduler.all())
      if (sequence.deadlineNanos - now <= 0) end(sequence, FinishReason.ABORT);
  }

  private void step(List<Sequence> batch) throws InterruptedException {
    long started = System.nanoTime();
    try {
      StepPlan plan = StepPlan.of(batch);
      LogitRows logits = forward.run(plan.batch(), weights);
      int tokens = batch.stream().mapToInt(sequence -> sequence.scheduled).sum();
      scheduler.stepTook(tokens, batch.size(), System.nanoTime() - started);
      for (Sequence sequence : batch) {
        sequence.computed += sequence.scheduled;
        sequence.scheduled = 0;
      }
      maskDeadline = System.nanoTime() + MASK_PATIENCE.toNanos();
      for (int i = 0; i < plan.places().size(); i++) take(plan.places().get(i), logits.row(i));
      for (Sequence sequence : batch) if (sequence.onlyScores()) end(sequence, FinishReason.LENGTH);
      steps++;
    } catch (EngineException e) {
      // What the step wrote is unknown, so nothing cached may be used again.
      LOG.error("step {} of {} sequences failed", steps, batch.size(), e);
      scheduler.forgetCached();
      endAll(new PolicyException("the engine failed: " + e.getMessage(), e));
    }
  }

  private void take(StepPlan.Place place, MemorySegment row) throws InterruptedException {
    Sequence sequence = place.sequence();
    if (sequence.result.isDone()) return;
    int next = place.position() + 1;
    boolean scores = next < sequence.length();
    if (!scores && sequence.guide.isPresent() && !guided(sequence, sequence.guide.get())) return;
    Sampler.Drawn drawn = scores ? score(sequence, next, row) : sampler.draw(row, sequence);
    if (!Float.isFinite(drawn.logprob())) {
      failed(sequence, "log-probability %s of id %d".formatted(drawn.logprob(), drawn.id()));
      return;
    }
    if (scores) sequence.scored(next, drawn);
    else append(sequence, drawn);
  }

  /// Whether the sequence can draw now. If its mask is not there yet, its last token is computed
  /// again in the next step, for nobody else is to wait.
  private boolean guided(Sequence sequence, Guide guide) throws InterruptedException {
    if (!guide.ready(Duration.ofNanos(maskDeadline - System.nanoTime()))) {
      sequence.computed--;
      return false;
    }
    try {
      Guide.Mask mask = guide.mask();
      boolean ends = mask.complete() && sequence.request.stopIds().isEmpty();
      if (mask.finished() && ends) end(sequence, FinishReason.STOP);
      else if (!mask.finished() || mask.complete()) return true;
      else failed(sequence, "no token of the vocabulary goes on as the constraint asks for");
    } catch (CompletionException e) {
      LOG.error("the mask of a constraint failed", e);
      failed(sequence, "the mask of its constraint failed: " + e.getMessage());
    }
    return false;
  }

  private void failed(Sequence sequence, String why) {
    scheduler.remove(sequence);
    sequence.fail(new PolicyException(why));
  }

  private Sampler.Drawn score(Sequence sequence, int position, MemorySegment row) {
    int count = sequence.request.promptLogprobs().orElseThrow();
    return sampler.score(row, sequence.request.sampling(), sequence.token(position), count);
  }

  private void append(Sequence sequence, Sampler.Drawn drawn) {
    sequence.append(drawn, id.version(), id.lineage());
    generated++;
    if (sequence.sampledStop()) finish(sequence, FinishReason.STOP);
    else if (sequence.generated() >= sequence.request.maxTokens()
        || sequence.length() >= model.contextLength()) finish(sequence, FinishReason.LENGTH);
  }

  private void finish(Sequence sequence, FinishReason reason) {
    scheduler.finished(sequence);
    sequence.finish(reason);
  }

  private void end(Sequence sequence, FinishReason reason) {
    scheduler.remove(sequence);
    sequence.finish(reason);
  }

  private void endAll(PolicyException why) {
    for (Sequence sequence : scheduler.all()) {
      scheduler.remove(sequence);
      sequence.fail(why);
    }
    if (open) return;
    for (Command left = inbox.poll(); left != null; left = inbox.poll()) {
      if (left instanceof Command.Submit(Sequence sequence)) sequence.fail(why);
      if (left instanceof Command.Replace replace) replacements.add(replace);
    }
    pause.ifPresent(ended -> ended.still().completeExceptionally(why));
    for (Command.Replace replace : replacements) {
      replace.weights().close();
      replace.pauseNanos().completeExceptionally(why);
    }
  }
}
