package dev.turnstone.envadapters.rewards;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.envadapters.EnvironmentSpec;
import dev.turnstone.envadapters.Environments;
import dev.turnstone.envadapters.peer.JsonText;
import dev.turnstone.envadapters.peer.ToolAddressPolicy;
import dev.turnstone.rollout.Environment;
import dev.turnstone.rollout.Json;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.Task;
import dev.turnstone.sandbox.SandboxConfig;
import dev.turnstone.sandbox.SandboxServer;
import dev.turnstone.sandbox.jail.SandboxException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Hidden tests in the real sandbox, against answers that are right, wrong, slow or hostile.
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class CodeTestsInSandboxTest {
  private static final String ASSERTIONS =
      "from solution import add\nassert add(1, 2) == 3\nassert add(-1, 1) == 0\n";

  private Optional<SandboxServer> sandbox = Optional.empty();
  private final Environments environments =
      new Environments(ToolAddressPolicy.of(List.of("127.0.0.1")), _ -> Optional.empty());

  @BeforeAll
  void start() throws SandboxException {
    assumeTrue(System.getProperty("os.name").equals("Linux"), "jails need Linux");
    sandbox = Optional.of(SandboxServer.start(SandboxConfig.of("127.0.0.1", 0)));
  }

  @AfterAll
  void stop() throws SandboxException {
    environments.close();
    if (sandbox.isPresent()) sandbox.get().close();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "def add(a, b): return a + b | 1",
        "def add(a, b): return a - b | 0",
        "def add(a, b): return a + b + | 0",
        "def add(a, b): return a + b NL import sys; sys.exit(0) | 0",
        "import os; os._exit(0) | 0",
        "exit(0) | 0",
        "def add(a, b): NL  import os; os._exit(0) | 0",
        "class All: NL  def __eq__(self, other): return True NL def add(a, b): return All() | 1",
        "import builtins; builtins.compile = None | 0",
        "print(open('/tmp/main.py').read()); import os; os._exit(0) | 0",
        "import sys; print(sys.stdin.read()); import os; os._exit(0) | 0",
        "while True: pass | 0",
        "import os; os.kill(os.getpid(), 9) | 0"
      })
  void assertionsCountOnlyIfTheyComeToTheirEnd(String code, double reward) throws Exception {
    ObjectNode data = JsonText.object().put("tests", ASSERTIONS);

    assertThat(score("'timeout_s':2", data, code.replace(" NL ", "\n"))).isEqualTo(reward);
  }

  @Test
  void pairsOfInputAndOutputMayCountInPart() throws Exception {
    ObjectNode data = JsonText.object();
    for (int n : new int[] {1, 2, 3, 4})
      data.withArray("tests").addObject().put("stdin", n + "\n").put("stdout", 2 * n + "");
    String right = "print(2 * int(input()))";
    String half = "n = int(input())\nprint(2 * n if n < 3 else 0)";

    assertThat(score("'partial':true", data, right)).isEqualTo(1);
    assertThat(score("'partial':true", data, half)).isEqualTo(0.5);
    assertThat(score("'partial':false", data, half)).isZero();
  }

  private double score(String fields, ObjectNode data, String code) throws Exception {
    String body =
        "{'environment':'e','tools':[],'rewards':[{'kind':'code_tests','url':'%s',%s}]}"
            .formatted(sandbox.orElseThrow().url(), fields)
            .replace('\'', '"');
    environments.remove("e");
    environments.register(EnvironmentSpec.parse(body));
    Task task = new Task("g", List.of(new Message.User("add")), "e", new Json(data.toString()));
    List<Message> transcript =
        List.of(
            new Message.User("add"),
            new Message.Assistant("```python\n" + code + "\n```", List.of()));
    double stored = environments.score(task, transcript, List.of()).orElseThrow().value();
    try (Environment.Session session =
        environments.lookup("e").orElseThrow().open(task, 1, Duration.ofSeconds(60))) {
      assertThat(session.score(transcript).orElseThrow().value()).isEqualTo(stored);
    }
    return stored;
  }
}
