package dev.turnstone.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.turnstone.envadapters.Environments;
import dev.turnstone.envadapters.peer.ToolAddressPolicy;
import dev.turnstone.rollout.Environment;
import dev.turnstone.rollout.Json;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.Task;
import dev.turnstone.rollout.ToolCall;
import dev.turnstone.server.http.StartupError;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import javax.tools.ToolProvider;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Environments of the operator's, among them one that is compiled here as a user would.
final class EnvironmentFileTest {
  private static final String PROVIDER =
      """
      package mine;
      import dev.turnstone.envadapters.EnvironmentProvider;
      import dev.turnstone.rollout.*;
      import java.time.Duration;
      import java.util.*;
      public final class Echo implements EnvironmentProvider {
        public String name() { return "echo"; }
        public Environment create(Json settings) {
          if (settings.text().equals("{}")) throw new IllegalArgumentException("settings.mark must be there");
          return (task, seed, deadline) -> new Environment.Session() {
            public List<ToolSpec> tools() {
              return List.of(new ToolSpec("say", "Says it.", new Json("{\\"type\\":\\"object\\"}")));
            }
            public Observation step(List<ToolCall> calls) {
              return new Observation(calls.stream()
                  .<Observation.Result>map(c -> new Observation.Result.Ok(c, settings.text() + c.arguments().text()))
                  .toList(), false);
            }
            public Optional<Reward> score(List<Message> transcript) { return Optional.of(Reward.of(0.5)); }
            public void close() {}
          };
        }
      }
      """;

  @TempDir private Path folder;

  private final Environments environments =
      new Environments(ToolAddressPolicy.of(List.of()), _ -> Optional.empty());

  @AfterEach
  void close() {
    environments.close();
  }

  @Test
  void anEnvironmentInJavaIsLoadedFromTheConfigurationsClassPath() throws Exception {
    Path classes = compiled();
    Path file =
        file(
            "{environment: e, java: echo, settings: {mark: '!'}, classpath: ['%s']}"
                .formatted(classes));

    assertThat(EnvironmentFile.register(file, environments)).isEqualTo("e");
    Environment environment = environments.lookup("e").orElseThrow();
    Task task = new Task("g", List.of(new Message.User("?")), "e", Json.EMPTY_OBJECT);
    try (Environment.Session session = environment.open(task, 1, Duration.ofSeconds(9))) {
      ToolCall call = new ToolCall("c", "say", new Json("{\"a\":1}"));
      assertThat(session.step(List.of(call)).results().getFirst().text())
          .isEqualTo("{\"mark\":\"!\"}{\"a\":1}");
      assertThat(session.score(List.of()).orElseThrow().value()).isEqualTo(0.5);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{environment: e, java: echo, classpath: ['CLASSES']} | java environment echo: settings.mark must be there",
        "{environment: e, java: other, classpath: ['CLASSES']} | there is no java environment other on the class path; there are echo",
        "{environment: e, java: other} | there is no java environment other on the class path; there is none at all",
        "{environment: e, java: 'a b'} | java must be a name of letters, digits, '.', '_' and '-', was \"a b\"",
        "{environment: e, java: echo, settings: 7} | settings must be an object, was 7",
        "{environment: e, java: echo, classpath: ['/no/such.jar']} | classpath: there is no /no/such.jar",
        "{environment: e, java: echo, classpath: CLASSES} | classpath must be a list, was",
        "{environment: e, java: echo, classpath: ['CLASSES/broken']} | a provider on the class path cannot be loaded",
        "{environment: 'x y', tools: []} | environment must match"
      })
  void whatIsWrongWithAFileIsOneSentence(String text, String why) throws IOException {
    Path file = file(text.replace("CLASSES", compiled().toString()));

    assertThatThrownBy(() -> EnvironmentFile.register(file, environments))
        .isInstanceOf(StartupError.class)
        .hasMessageStartingWith("environment file " + file + ": ")
        .hasMessageContaining(why)
        .hasMessageNotContaining("\n");
  }

  private Path file(String text) throws IOException {
    return Files.writeString(folder.resolve("e.yaml"), text);
  }

  private Path compiled() throws IOException {
    Path classes = Files.createDirectories(folder.resolve("classes"));
    Path source = Files.createDirectories(folder.resolve("mine")).resolve("Echo.java");
    Files.writeString(source, PROVIDER);
    int failed =
        ToolProvider.getSystemJavaCompiler()
            .run(
                null,
                null,
                null,
                "-d",
                classes.toString(),
                "-cp",
                System.getProperty("java.class.path"),
                "-proc:none",
                source.toString());
    assertThat(failed).isZero();
    Path services = Files.createDirectories(classes.resolve("META-INF/services"));
    Files.writeString(
        services.resolve("dev.turnstone.envadapters.EnvironmentProvider"), "mine.Echo\n");
    Path broken = Files.createDirectories(classes.resolve("broken/META-INF/services"));
    Files.writeString(
        broken.resolve("dev.turnstone.envadapters.EnvironmentProvider"), "mine.Missing\n");
    return classes;
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "     | 0 | its rewards were left out: environment e cannot score this task: data.answer must be",
        "{}   | 2 | environment e cannot score this task: data.answer must be",
        "{\"answer\": 4} | 0 | 0 tools"
      })
  void aDryRunNeedsTheTasksDataForRewardsOnly(@Nullable String data, int exit, String says)
      throws IOException {
    Path file =
        Files.writeString(folder.resolve("e.yaml"), "environment: e\nrewards: [{kind: numeric}]\n");
    StringWriter said = new StringWriter();
    PrintWriter out = new PrintWriter(said, true);
    List<String> words = new ArrayList<>(List.of("env", "check", file.toString()));
    if (data != null) words.addAll(List.of("--data", data));

    assertThat(Main.run(out, out, words.toArray(String[]::new))).isEqualTo(exit);
    assertThat(said.toString()).contains(says);
  }
}
