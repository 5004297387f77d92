package dev.turnstone.envadapters.openenv;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.turnstone.envadapters.EnvironmentSpec;
import dev.turnstone.envadapters.Environments;
import dev.turnstone.envadapters.peer.ToolAddressPolicy;
import dev.turnstone.rollout.Environment;
import dev.turnstone.rollout.Environment.EnvironmentLost;
import dev.turnstone.rollout.Json;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.Observation;
import dev.turnstone.rollout.Observation.Result;
import dev.turnstone.rollout.Reward;
import dev.turnstone.rollout.Task;
import dev.turnstone.rollout.ToolCall;
import dev.turnstone.rollout.ToolSpec;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// Episodes of an environment that the Python shim serves, which has two places.
@Timeout(60)
final class OpenEnvTest {
  private final Environments environments =
      new Environments(ToolAddressPolicy.of(List.of("127.0.0.1")), _ -> Optional.empty());
  private Optional<Process> python = Optional.empty();
  private String url = "";

  @BeforeEach
  void start() throws IOException, URISyntaxException {
    Path script = Path.of(OpenEnvTest.class.getResource("guess.py").toURI());
    Process process =
        new ProcessBuilder(
                "python3", script.toString(), Path.of("python").toAbsolutePath().toString())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    python = Optional.of(process);
    BufferedReader out =
        new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    url = String.valueOf(out.readLine()).replace("listening on ", "");
  }

  @AfterEach
  void stop() {
    environments.close();
    python.ifPresent(Process::destroyForcibly);
  }

  @Test
  void anEpisodeBeginsWithItsFirstObservationAndRewardsSteps() throws Exception {
    try (Environment.Session session = open("{\"reset\":{\"n\":5}}")) {
      assertThat(session.opening()).containsExactly(new Message.User("Guess, 7!"));
      assertThat(session.tools()).extracting(ToolSpec::name).containsExactly("guess");
      Observation wrong = act(session, 1);
      assertThat(wrong.results().getFirst().text()).isEqualTo("no, 1");
      assertThat(wrong.reward()).contains(-0.25);
      assertThat(wrong.done()).isFalse();
      Observation right = act(session, 5);
      assertThat(right.done()).isTrue();
      assertThat(session.score(List.of()).map(Reward::value)).contains(0.75);
    }
  }

  @Test
  void whatTheActionBreaksIsForThePolicyToRead() throws Exception {
    try (Environment.Session session = open("{}")) {
      assertThat(act(session, -1).results().getFirst())
          .isInstanceOf(Result.Failed.class)
          .returns("Error: ValueError: n is negative", Result::text);
      assertThat(act(session, 4).done()).isTrue();
    }
  }

  @Test
  void aRolloutWaitsForAPlaceAndClosingGivesOneBack() throws Exception {
    Environment.Session first = open("{}");
    try (first;
        Environment.Session second = open("{}")) {
      CompletableFuture<Environment.Session> third = new CompletableFuture<>();
      Thread.ofVirtual()
          .start(() -> {
            try {
              third.complete(open("{}"));
            } catch (EnvironmentLost | InterruptedException e) {
              third.completeExceptionally(e);
            }
          });
      assertThat(act(second, 4).done()).isTrue();
      closeEarly(first);
      try (Environment.Session opened = third.get(30, TimeUnit.SECONDS)) {
        assertThat(act(opened, 4).done()).isTrue();
      }
    }
  }

  private static void closeEarly(Environment.Session session) {
    session.close();
  }

  @Test
  void anEpisodeWhoseServerDiesIsLost() throws Exception {
    try (Environment.Session session = open("{}")) {
      Process process = python.orElseThrow();
      process.destroyForcibly().waitFor();
      assertThatThrownBy(() -> act(session, 1))
          .isInstanceOf(EnvironmentLost.class)
          .hasMessageStartingWith(url)
          .hasMessageNotContaining("\n");
    }
  }

  @Test
  void aMessageWithoutEndIsCutOff() throws Exception {
    try (Environment.Session session = open("{}")) {
      assertThatThrownBy(() -> act(session, 999))
          .isInstanceOf(EnvironmentLost.class)
          .hasMessageContaining("sent more than 32 MiB");
    }
  }

  private static Observation act(Environment.Session session, int n)
      throws EnvironmentLost, InterruptedException {
    return session.step(List.of(new ToolCall("c", "guess", new Json("{\"n\":%d}".formatted(n)))));
  }

  private Environment.Session open(String data) throws EnvironmentLost, InterruptedException {
    String body =
        """
        {"environment":"e","tools":[{"kind":"openenv","name":"g","tool":"guess","url":"%s"}],
         "rewards":[{"kind":"steps"}]}
        """
            .formatted(url);
    environments.register(EnvironmentSpec.parse(body));
    Task task = new Task("g", List.of(new Message.User("Play.")), "e", new Json(data));
    return environments.lookup("e").orElseThrow().open(task, 7, Duration.ofSeconds(30));
  }
}
