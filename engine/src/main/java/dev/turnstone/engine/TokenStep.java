package dev.turnstone.engine;

import dev.turnstone.engine.grammar.Guide;
import dev.turnstone.rollout.Generation.FinishReason;
import dev.turnstone.rollout.Policy.PolicyException;
import dev.turnstone.rollout.WeightsId;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletionException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// One step: computes what was scheduled, then draws the next token of each sequence whose tokens
/// are all computed, or scores its prompt. Confined to the engine thread.
final class TokenStep {
  private static final Logger LOG = LoggerFactory.getLogger(TokenStep.class);

  /// How long a step waits for masks that are late.
  private static final Duration MASK_PATIENCE = Duration.ofMillis(10);

  private final ForwardPass forward;
  private final Scheduler scheduler;
  private final int contextLength;
  private final Sampler sampler = new Sampler();
  private long maskDeadline;
  private long generated;

  TokenStep(ForwardPass forward, Scheduler scheduler, int contextLength) {
    this.forward = forward;
    this.scheduler = scheduler;
    this.contextLength = contextLength;
  }

  /// Tokens drawn so far.
  long generated() {
    return generated;
  }

  /// @throws RuntimeException if the step failed: what it wrote to the cache is unknown
  void run(Schedule schedule, ForwardPass.Weights weights, WeightsId id)
      throws InterruptedException {
    long started = System.nanoTime();
    List<Sequence> batch = schedule.batch();
    for (BlockCopy copy : schedule.copies()) forward.copy(copy.from(), copy.to());
    StepPlan plan = StepPlan.of(batch);
    LogitRows logits = forward.run(plan.batch(), weights);
    scheduler.stepTook(plan.batch().rows(), batch.size(), System.nanoTime() - started);
    for (Sequence sequence : batch) {
      sequence.computed += sequence.scheduled;
      sequence.scheduled = 0;
    }
    maskDeadline = System.nanoTime() + MASK_PATIENCE.toNanos();
    for (int i = 0; i < plan.places().size(); i++) take(plan.places().get(i), logits.row(i), id);
    for (Sequence sequence : batch)
      if (sequence.onlyScores()) scheduler.end(sequence, FinishReason.LENGTH);
  }

  private void take(StepPlan.Place place, MemorySegment row, WeightsId id)
      throws InterruptedException {
    Sequence sequence = place.sequence();
    if (sequence.result.isDone()) return;
    int next = place.position() + 1;
    boolean scores = next < sequence.length();
    if (!scores && sequence.guide.isPresent() && !guided(sequence, sequence.guide.get())) return;
    Sampler.Drawn drawn = scores ? score(sequence, next, row) : sampler.draw(row, sequence);
    if (!Float.isFinite(drawn.logprob())) {
      scheduler.discard(sequence);
      failed(sequence, "log-probability %s of id %d".formatted(drawn.logprob(), drawn.id()));
      return;
    }
    if (scores) sequence.scored(next, drawn);
    else append(sequence, drawn, id);
  }

  private Sampler.Drawn score(Sequence sequence, int position, MemorySegment row) {
    int count = sequence.request.promptLogprobs().orElseThrow();
    return sampler.score(row, sequence.request.sampling(), sequence.token(position), count);
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
      if (mask.finished() && ends) scheduler.end(sequence, FinishReason.STOP);
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

  private void append(Sequence sequence, Sampler.Drawn drawn, WeightsId id) {
    sequence.append(drawn, id.version(), id.lineage());
    generated++;
    if (sequence.sampledStop()) finish(sequence, FinishReason.STOP);
    else if (sequence.generated() >= sequence.request.maxTokens()
        || sequence.length() >= contextLength) finish(sequence, FinishReason.LENGTH);
  }

  private void finish(Sequence sequence, FinishReason reason) {
    scheduler.finished(sequence);
    sequence.finish(reason);
  }
}
