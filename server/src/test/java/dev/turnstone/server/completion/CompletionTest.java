package dev.turnstone.server.completion;

import static org.assertj.core.api.Assertions.assertThat;

import dev.turnstone.rollout.Sampling;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.server.Bytes;
import dev.turnstone.server.ScriptedPolicy;
import dev.turnstone.server.completion.Completion.Pace;
import dev.turnstone.server.http.Metrics;
import dev.turnstone.trainerbridge.spec.PolicyIdentity;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
final class CompletionTest {
  @Test
  void whoeverWaitsForShortDoesNotWaitForAPolicyThatHangs() throws Exception {
    ScriptedPolicy policy = new ScriptedPolicy(200);
    Bytes bytes = new Bytes();
    Served served = new Served("m", policy, bytes, bytes, bytes, new PolicyIdentity("t", "c", 257));
    Pace pace = new Pace(Duration.ofHours(1), Duration.ofHours(1));
    try (Metrics metrics = new Metrics()) {
      Completions completions = new Completions(served, pace, new Timings(metrics, "m"));
      Ask ask = new Ask(Tokens.of(2), Sampling.GREEDY, 1, 1, Ends.FORMAT, Reading.IDS);
      policy.hangsAfter("");
      try (Completion hangs = completions.prepare(List.of(ask))) {
        completions.begin("a", hangs, true);
        assertThat(hangs.await(Duration.ofMillis(10))).isFalse();
      }
      assertThat(policy.aborted.await(10, TimeUnit.SECONDS)).isTrue();
      policy.says("b");
      try (Completion ends = completions.prepare(List.of(ask))) {
        completions.begin("b", ends, true);
        assertThat(ends.await(Duration.ofSeconds(20))).isTrue();
      }
    }
  }
}
