package dev.turnstone.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.turnstone.rollout.Generation.FinishReason;
import dev.turnstone.rollout.GenerationOptions;
import dev.turnstone.rollout.Policy;
import dev.turnstone.rollout.Sampling;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.TopLogprobs;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/// What the scheduler puts into a step, without an engine to run it.
class SchedulerTest {
  private final BlockPool pool = new BlockPool(20);
  private final Scheduler scheduler = new Scheduler(pool, 100, 8, 100, Retention.ADAPTIVE, () -> 0);

  @AfterEach
  void everyBlockIsAccountedFor() {
    scheduler.checkIntegrity();
    scheduler.all().forEach(sequence -> scheduler.end(sequence, FinishReason.ABORT));
    assertThat(pool.used()).isZero();
  }

  private Sequence add(Tokens prompt) {
    return add(new Policy.Request(prompt, Sampling.GREEDY, 9, Set.of(), Duration.ofMinutes(1)));
  }

  private Sequence add(Policy.Request request) {
    var sequence = new Sequence(request, (_, _, _) -> {}, 0, Long.MAX_VALUE, Optional.empty());
    scheduler.add(sequence);
    return sequence;
  }

  private static Tokens ids(int first, int count) {
    return Tokens.of(IntStream.range(first, first + count).toArray());
  }

  /// As the engine does after it has run the step.
  private static void ran(Schedule schedule) {
    for (Sequence sequence : schedule.batch()) {
      sequence.computed += sequence.scheduled;
      sequence.scheduled = 0;
    }
  }

  @Test
  void theRestOfAGroupCopiesTheBlockInWhichItsPromptEnds() {
    Sequence first = add(ids(0, 21));
    List<Sequence> rest = List.of(add(ids(0, 21)), add(ids(0, 21)));
    Sequence other = add(ids(50, 7));

    Schedule one = scheduler.schedule();
    assertThat(one.batch()).containsExactly(first, other);
    assertThat(one.copies()).isEmpty();
    ran(one);
    for (Sequence sequence : one.batch())
      sequence.append(new Sampler.Drawn(7, -1, TopLogprobs.NONE), 0, "");

    Schedule two = scheduler.schedule();
    assertThat(two.batch()).containsExactly(first, other, rest.get(0), rest.get(1));
    for (Sequence sequence : rest) {
      assertThat(sequence.computed).isEqualTo(20);
      assertThat(sequence.scheduled).isEqualTo(1);
      assertThat(sequence.blocks.get(0)).isEqualTo(first.blocks.get(0));
      assertThat(sequence.blocks.get(1)).isNotEqualTo(first.blocks.get(1));
      assertThat(two.copies()).contains(new BlockCopy(first.blocks.get(1), sequence.blocks.get(1)));
    }
    assertThat(two.copies()).hasSize(2);
  }

  @Test
  void whoWaitedForAnEndThatIsGoneComputesItWithTheOthers() {
    Sequence first = add(ids(0, 21));
    List<Sequence> rest = List.of(add(ids(0, 21)), add(ids(0, 21)));
    ran(scheduler.schedule());
    scheduler.end(first, FinishReason.LENGTH);

    Schedule two = scheduler.schedule();
    assertThat(two.batch()).containsExactlyElementsOf(rest);
    assertThat(rest).extracting(sequence -> sequence.scheduled).containsExactly(5, 5);
  }

  @Test
  void aPromptThatPartsWithinABlockSharesWhatIsBefore() {
    Sequence first = add(ids(0, 30));
    ran(scheduler.schedule());
    assertThat(first.computed).isEqualTo(30);
    Sequence later = add(ids(0, 20).plus(ids(60, 20)));
    Schedule two = scheduler.schedule();
    assertThat(later.computed).isEqualTo(20);
    assertThat(later.scheduled).isEqualTo(20);
    assertThat(two.copies()).hasSize(1);
  }

  @Test
  void whatEarlierWeightsComputedIsNotCopied() {
    Sequence first = add(ids(0, 12));
    ran(scheduler.schedule());
    scheduler.forgetCached();
    first.staleKv = true;
    Sequence later = add(ids(0, 12));
    assertThat(scheduler.schedule().copies()).isEmpty();
    assertThat(later.scheduled).isEqualTo(12);
  }

  @Test
  void anotherSaltSharesNothing() {
    Sequence first = add(ids(0, 12));
    ran(scheduler.schedule());
    Sequence salted =
        add(first.request.with(GenerationOptions.NONE.withCacheSalt(Optional.of("other"))));
    assertThat(scheduler.schedule().copies()).isEmpty();
    assertThat(salted.scheduled).isEqualTo(12);
  }
}
