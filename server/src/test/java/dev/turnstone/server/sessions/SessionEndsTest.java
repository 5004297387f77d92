package dev.turnstone.server.sessions;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.turnstone.rollout.Generation;
import dev.turnstone.rollout.Generation.FinishReason;
import dev.turnstone.rollout.Logprobs;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.RunLength;
import dev.turnstone.rollout.Sampling;
import dev.turnstone.rollout.StopReason;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.Trajectory;
import dev.turnstone.server.Bytes;
import dev.turnstone.server.TestServer;
import dev.turnstone.server.TestServer.Answer;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// However a session ends, it leaves its place and its conversations.
@Timeout(30)
final class SessionEndsTest {
  private static final String ONE =
      "{\"messages\": [{\"role\": \"user\", \"content\": \"1+1?\"}], \"stream\": true}";

  @Test
  void aFinishWhoseClientIsGoneDoesNotKeepItsSessionOpen() throws Exception {
    AtomicLong now = new AtomicLong();
    List<String> over = new CopyOnWriteArrayList<>();
    SessionTimes times = new SessionTimes(Duration.ofSeconds(1), Duration.ofHours(1), 1);
    try (Sessions sessions = new Sessions(new Bytes(), over::add, times, now::get)) {
      Session session =
          sessions.open(
              new SessionRules(Optional.empty(), Optional.empty(), Duration.ofSeconds(1)));
      turn(session);
      Thread finishing = Thread.ofVirtual().unstarted(() -> finish(sessions, session));
      finishing.start();
      finishing.interrupt();
      finishing.join();
      assertThat(session.trajectory()).isEmpty();
      now.set(Duration.ofHours(2).toNanos());
      assertThat(session.await(Duration.ofSeconds(10))).isPresent();
      for (int i = 0; sessions.count() > 0 && i < 500; i++)
        new CountDownLatch(1).await(20, TimeUnit.MILLISECONDS);
      assertThat(sessions.count()).isZero();
      assertThat(over).contains(session.conversation(0));
    }
  }

  @Test
  void aSessionThatCannotBeClosedIsTriedAgain() throws Exception {
    AtomicLong now = new AtomicLong();
    AtomicInteger asked = new AtomicInteger();
    SessionTimes times = new SessionTimes(Duration.ofSeconds(1), Duration.ZERO, 1);
    Consumer<String> failsOnce =
        conversation -> {
          if (asked.incrementAndGet() == 1) throw new IllegalStateException("not now");
        };
    try (Sessions sessions = new Sessions(new Bytes(), failsOnce, times, now::get)) {
      Session session =
          sessions.open(
              new SessionRules(Optional.empty(), Optional.empty(), Duration.ofSeconds(1)));
      turn(session);
      now.set(Duration.ofHours(2).toNanos());
      Trajectory made = session.await(Duration.ofSeconds(20)).orElseThrow();
      assertThat(made.stop()).isEqualTo(StopReason.CLIENT_GONE);
      assertThat(asked).hasValue(2);
    }
  }

  private static void finish(Sessions sessions, Session session) {
    try {
      sessions.finish(session, Optional.empty());
    } catch (InterruptedException e) {
      // As of a client that goes away.
    }
  }

  private static void turn(Session session) {
    var call = session.record().begin(Tokens.of(1, 2));
    Generation said =
        new Generation(
            Tokens.of(3, 0),
            Logprobs.of(-1f, -1f),
            RunLength.of(2, 0),
            "base",
            FinishReason.STOP,
            0,
            false,
            false,
            List.of(),
            Optional.empty());
    session.record().accept(call, said, Sampling.FULL, new Message.Assistant("2", List.of(), ""));
  }

  @Test
  void aStreamThatItsSessionsEndCutsOffDoesNotLookWhole(@TempDir Path data) throws Exception {
    try (TestServer server = TestServer.start(data, "{\"reward_timeout_s\": 0.2}")) {
      String id = server.post("/v1/sessions", "{}").json().get("id").asText();
      server.policy.hangsAfter("2");
      CompletableFuture<Answer> stream =
          CompletableFuture.supplyAsync(
              () -> server.post("/sessions/" + id + "/v1/chat/completions", ONE));
      assertThat(server.policy.silent.await(10, TimeUnit.SECONDS)).isTrue();
      server.post("/v1/sessions/" + id + "/finish", "{}");
      assertThatThrownBy(() -> stream.get(10, TimeUnit.SECONDS))
          .hasRootCauseInstanceOf(IOException.class);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"reward\": 1e999}",
        "{\"reward\": 1e999, \"turn\": 0}",
        "{\"reward\": 1, \"parts\": {\"exact\": -1e999}}"
      })
  void aRewardThatIsNotFiniteIsRefused(String body, @TempDir Path data) throws Exception {
    try (TestServer server = TestServer.start(data)) {
      String id = server.post("/v1/sessions", "{}").json().get("id").asText();
      Answer answer = server.post("/v1/sessions/" + id + "/reward", body);
      assertThat(answer.status()).isEqualTo(400);
      assertThat(answer.error()).contains("is not finite");
    }
  }

  @Test
  void aTurnBeyondTheIntegersIsNotAnotherOne(@TempDir Path data) throws Exception {
    try (TestServer server = TestServer.start(data)) {
      String id = server.post("/v1/sessions", "{}").json().get("id").asText();
      String path = "/sessions/" + id + "/v1/chat/completions";
      server.policy.says("2");
      assertThat(server.post(path, ONE).status()).isEqualTo(200);
      Answer answer =
          server.post("/v1/sessions/" + id + "/reward", "{\"reward\": 1, \"turn\": 4294967296}");
      assertThat(answer.status()).isEqualTo(400);
      assertThat(answer.error()).contains("4294967296");
    }
  }
}
