package dev.turnstone.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.turnstone.rollout.Generation.FinishReason;
import dev.turnstone.rollout.Policy;
import dev.turnstone.rollout.Sampling;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.TopLogprobs;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.PriorityQueue;
import java.util.Random;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The trace of `bench engine` on a clock of its own: 64 rollouts of 10 turns whose tools answer
/// after a log-normal time, with KV memory for a third of them, and steps that take as long as
/// those of SmolLM2-135M on two cores did (bench/LOG.md).
class RetentionTraceTest {
  private static final int ROLLOUTS = 64;
  private static final int TURNS = 10;
  private static final int PROMPT = 256;
  private static final int GENERATED = 24;
  private static final int OBSERVED = 40;
  private static final int BLOCKS =
      ROLLOUTS * (PROMPT + TURNS * (GENERATED + OBSERVED)) / 3 / Model.BLOCK;

  private record Arrival(long at, int rollout) {}

  private static final class Rollout {
    final Random tools;
    final long ids;
    Tokens held;
    int turns;

    Rollout(int index, int seed) {
      tools = new Random(index + 1000 * seed);
      ids = index * 1000L;
      held = random(PROMPT, ids);
    }
  }

  private final List<Rollout> rollouts = new ArrayList<>();
  private final PriorityQueue<Arrival> arrivals =
      new PriorityQueue<>((a, b) -> Long.compare(a.at, b.at));
  private long now;

  private static Tokens random(int length, long seed) {
    return Tokens.of(new SplittableRandom(seed).ints(length, 0, 500).toArray());
  }

  /// @return seconds until the last rollout has ended
  private double play(Retention retention, int seed) {
    var pool = new BlockPool(BLOCKS);
    var scheduler = new Scheduler(pool, 2048, 256, 256, retention, () -> now);
    for (int i = 0; i < ROLLOUTS; i++) {
      rollouts.add(new Rollout(i, seed));
      arrivals.add(new Arrival(0, i));
    }
    int open = ROLLOUTS;
    while (open > 0) {
      if (scheduler.isIdle()) now = Math.max(now, arrivals.element().at);
      while (!arrivals.isEmpty() && arrivals.peek().at <= now) begin(scheduler, arrivals.remove());
      Schedule step = scheduler.schedule();
      int rows = step.batch().stream().mapToInt(s -> s.scheduled).sum();
      int decoding = (int) step.batch().stream().filter(s -> s.scheduled == 1).count();
      long took = (long) (1e6 * (15 + 1.05 * decoding + 0.17 * (rows - decoding)));
      now += took;
      scheduler.stepTook(rows, step.batch().size(), took);
      for (Sequence sequence : step.batch()) {
        sequence.computed += sequence.scheduled;
        sequence.scheduled = 0;
      }
      for (Sequence sequence : step.batch())
        if (sequence.computed == sequence.length()) open -= sample(scheduler, sequence);
    }
    scheduler.checkIntegrity();
    return now / 1e9;
  }

  private void begin(Scheduler scheduler, Arrival arrival) {
    var request =
        new Policy.Request(
                rollouts.get(arrival.rollout).held,
                Sampling.GREEDY,
                GENERATED,
                Set.of(),
                Duration.ofMinutes(10))
            .withConversation("" + arrival.rollout);
    var sequence = new Sequence(request, (_, _, _) -> {}, 0, Long.MAX_VALUE, Optional.empty());
    scheduler.add(sequence);
  }

  private int sample(Scheduler scheduler, Sequence sequence) {
    sequence.append(new Sampler.Drawn(1, 0, TopLogprobs.NONE), 0, "");
    if (sequence.generated() < GENERATED) return 0;
    scheduler.finished(sequence);
    sequence.finish(FinishReason.LENGTH);
    int index = Integer.parseInt(sequence.request.conversation().orElseThrow());
    Rollout rollout = rollouts.get(index);
    rollout.held =
        rollout
            .held
            .plus(sequence.result.join().ids())
            .plus(random(OBSERVED, rollout.ids + ++rollout.turns));
    if (rollout.turns == TURNS) {
      scheduler.forget("" + index);
      return 1;
    }
    double wait = Math.clamp(Math.exp(0.8 * rollout.tools.nextGaussian()), 0.2, 5);
    arrivals.add(new Arrival(now + (long) (1e9 * wait), index));
    return 0;
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3})
  void keepingWhatIsWorthItTakesTwoThirdsOfTheTimeThatKeepingNothingTakes(int seed) {
    double never = new RetentionTraceTest().play(Retention.NEVER, seed);

    assertThat(never / new RetentionTraceTest().play(Retention.ADAPTIVE, seed)).isGreaterThan(1.5);
  }
}
