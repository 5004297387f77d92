package dev.turnstone.envadapters;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

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
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// The projects' own servers, where the operator says which Python has them (docs/ENVIRONMENTS.md).
@Timeout(180)
final class RealPeersTest {
  private static final String ROW =
      """
      {"id":0,"expected_synonym_values":[195,99],"expected_synonyms":["ab","c"],"minefield_label":"x",
       "minefield_label_value":7,"responses_create_params":{"input":[{"role":"user","content":"?"}],"tools":[
        {"type":"function","name":"get_synonym_value","description":"Gets.","strict":true,
         "parameters":{"type":"object","properties":{"synonym":{"type":"string"}},"required":["synonym"]}},
        {"type":"function","name":"extract_synonym_values","description":"Ends.","strict":true,
         "parameters":{"type":"object","properties":{"synonym_values":{"type":"array","items":{"type":"integer"}}}}}]}}
      """;

  private static final String TURNS =
      """
      {"responses_create_params":{"input":[{"role":"user","content":"2+2?"}]},
       "follow_ups":["Are you sure?"],"expected_answer":"4"}
      """;

  private final Environments environments =
      new Environments(ToolAddressPolicy.of(List.of("127.0.0.1")), _ -> Optional.empty());
  private final List<Process> servers = new ArrayList<>();

  @AfterEach
  void stop() {
    environments.close();
    servers.forEach(Process::destroyForcibly);
  }

  @Test
  void openEnvsOwnServerPlaysAnEpisode() throws Exception {
    String url = start("TURNSTONE_OPENENV_PYTHON", "openenv_server.py");
    String body = "{'kind':'openenv','name':'g','url':'%s','tool':'guess'}".formatted(url);

    try (Environment.Session session = open(body, "{'kind':'steps'}", "{}")) {
      assertThat(session.opening()).containsExactly(new Message.User("Guess, 7!"));
      assertThat(session.tools()).extracting(ToolSpec::name).containsExactly("guess");
      assertThat(call(session, "guess", "{'n':-1}").results().getFirst())
          .isInstanceOf(Result.Failed.class);
      assertThat(call(session, "guess", "{'n':1}").done()).isFalse();
      assertThat(call(session, "guess", "{'n':4}").done()).isTrue();
      assertThat(session.score(List.of()).map(Reward::value)).contains(0.75);
    }
    // Two places: a third episode waits for one that ends.
    Environment.Session first = open(body, "", "{}");
    try (Environment.Session second = open(body, "", "{}")) {
      Thread ending = Thread.ofVirtual().unstarted(first::close);
      ending.start();
      try (Environment.Session third = open(body, "", "{}")) {
        assertThat(call(third, "guess", "{'n':4}").done()).isTrue();
      }
      assertThat(call(second, "guess", "{'n':4}").done()).isTrue();
    }
  }

  @Test
  void nemoGymsOwnServerSeedsCallsAndVerifies() throws Exception {
    String url = start("TURNSTONE_NEMO_GYM_PYTHON", "nemo_gym_server.py", "example_multi_step");
    String body = "{'kind':'nemo_gym','name':'n','url':'%s'}".formatted(url);

    try (Environment.Session session = open(body, "{'kind':'environment'}", ROW)) {
      assertThat(session.tools())
          .extracting(ToolSpec::name)
          .containsExactly("get_synonym_value", "extract_synonym_values");
      ToolCall call =
          new ToolCall("c", "extract_synonym_values", new Json("{\"synonym_values\":[195,99]}"));
      assertThat(call(session, "get_synonym_value", "{'synonym':'ab'}").results().getFirst())
          .isInstanceOf(Result.Ok.class)
          .returns("{\"synonym_value\":195}", Result::text);
      // The server's own check of the arguments is what the policy reads.
      assertThat(
              call(session, "extract_synonym_values", "{'synonym_values':['x']}")
                  .results()
                  .getFirst()
                  .text())
          .contains("integer");
      List<Message> transcript =
          List.of(
              new Message.User("?"),
              new Message.Assistant("", List.of(call)),
              session.step(List.of(call)).results().getFirst().message(),
              new Message.Assistant("done", List.of()));
      assertThat(session.score(transcript).map(Reward::value)).contains(1.0);
    }
  }

  @Test
  void nemoGymsGymnasiumServerAnswersTurns() throws Exception {
    String url =
        start("TURNSTONE_NEMO_GYM_PYTHON", "nemo_gym_server.py", "example_multi_turn_gymnasium");
    String body = "{'kind':'nemo_gym','name':'n','url':'%s','style':'gymnasium'}".formatted(url);

    try (Environment.Session session = open(body, "{'kind':'steps'}", TURNS)) {
      Observation first = session.reply("It is 4.").orElseThrow();
      assertThat(first.says()).contains("Are you sure?");
      assertThat(first.done()).isFalse();
      Observation second = session.reply("Yes, 4.").orElseThrow();
      assertThat(second.done()).isTrue();
      assertThat(session.score(List.of()).map(Reward::value)).contains(1.0);
    }
  }

  private String start(String variable, String script, String... arguments) throws IOException {
    String python = System.getenv(variable);
    assumeTrue(python != null, variable + " names no Python that has the server");
    int port;
    try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = free.getLocalPort();
    }
    List<String> command = new ArrayList<>(List.of(python));
    command.add(Path.of("..", "tools", script).toAbsolutePath().normalize().toString());
    command.addAll(List.of(arguments));
    command.add("" + port);
    Process server =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    servers.add(server);
    for (String line = server.inputReader().readLine();
        line != null;
        line = server.inputReader().readLine())
      if (line.equals("listening")) return "http://127.0.0.1:" + port;
    throw new IOException(script + " ended before it listened");
  }

  private Environment.Session open(String tool, String reward, String data)
      throws EnvironmentLost, InterruptedException {
    String body =
        "{'environment':'e','tools':[%s],'rewards':[%s]}"
            .formatted(tool, reward)
            .replace('\'', '"');
    environments.remove("e");
    environments.register(EnvironmentSpec.parse(body));
    Task task = new Task("g", List.of(new Message.User("?")), "e", new Json(data));
    return environments.lookup("e").orElseThrow().open(task, 7, Duration.ofSeconds(90));
  }

  private static Observation call(Environment.Session session, String tool, String arguments)
      throws EnvironmentLost, InterruptedException {
    return session.step(List.of(new ToolCall("c", tool, new Json(arguments.replace('\'', '"')))));
  }
}
