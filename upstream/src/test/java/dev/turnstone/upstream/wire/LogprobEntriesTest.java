package dev.turnstone.upstream.wire;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.turnstone.rollout.Logprobs;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.TopLogprobs;
import dev.turnstone.upstream.wire.LogprobEntries.Entry;
import java.util.List;
import org.junit.jupiter.api.Test;

class LogprobEntriesTest {
  @Test
  void whatAnEngineFillsUpWithIsNotAmongTheMostProbable() {
    // As vLLM 0.32 answers beside a request that names ids.
    List<Entry> mixedUp = List.of(new Entry(28, -1.64f), new Entry(0, -9999f));

    TopLogprobs top = LogprobEntries.top(mixedUp, 4, 28);

    assertThat(top).isEqualTo(new TopLogprobs(Tokens.of(28), Logprobs.of(-1.64f), 1));
  }

  @Test
  void anIdThatWasNamedMustBeAmongWhatIsTold() {
    assertThatThrownBy(() ->
            LogprobEntries.named(List.of(new Entry(5, -1f)), Tokens.of(5, 9), new Entry(5, -1f)))
        .isInstanceOf(EngineFault.class)
        .hasMessage("it does not say how probable id 9 is");
  }
}
