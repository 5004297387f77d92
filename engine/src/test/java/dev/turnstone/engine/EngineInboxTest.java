package dev.turnstone.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.turnstone.rollout.Generation.FinishReason;
import dev.turnstone.rollout.Policy;
import dev.turnstone.rollout.Policy.PolicyException;
import dev.turnstone.rollout.Sampling;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.WeightsId;
import dev.turnstone.rollout.WeightsUpdate;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class EngineInboxTest {
  private final EngineInbox inbox = new EngineInbox(0, 2);

  private Sequence submit() throws PolicyException {
    var request =
        new Policy.Request(Tokens.of(1), Sampling.GREEDY, 1, Set.of(), Duration.ofMinutes(1));
    return inbox.submit(request, (_, _, _) -> {}, Optional.empty());
  }

  @Test
  void aRequestBeyondTheBoundIsRefusedUntilAnotherHasEnded() throws Exception {
    Sequence first = submit();
    submit();
    assertThatThrownBy(this::submit)
        .isInstanceOf(PolicyException.class)
        .hasMessage("the engine has 2 requests already, which is all it takes");
    first.finish(FinishReason.ABORT);
    Sequence later = submit();
    assertThat(inbox.take(false)).contains(new Command.Submit(first));
    assertThat(later.result).isNotDone();
    assertThatThrownBy(this::submit).isInstanceOf(PolicyException.class);
  }

  @Test
  void aFailedRequestMakesRoomToo() throws Exception {
    submit().fail(new PolicyException("lost"));
    submit().fail(new PolicyException("lost"));
    assertThat(submit().result).isNotDone();
  }

  @Test
  void aShutInboxAnswersWhatNobodyWillTake() throws Exception {
    inbox.shut();
    AtomicInteger freed = new AtomicInteger();
    var update =
        new WeightsUpdate(
            new WeightsId("l", 1, "0"),
            Path.of("w"),
            WeightsUpdate.Pause.KEEP,
            WeightsUpdate.Kv.KEEP);
    assertThat(inbox.replace(freed::incrementAndGet, update).pauseNanos())
        .isCompletedExceptionally();
    assertThat(inbox.resume()).isCompletedExceptionally();
    assertThat(freed).hasValue(1);
    assertThat(inbox.take(false)).isEmpty();
  }

  @Test
  void aShutInboxRefuses() {
    inbox.shut();
    assertThatThrownBy(this::submit).hasMessage("the engine is closed");
  }
}
