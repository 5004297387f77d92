package dev.turnstone.envadapters.rewards;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
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
import org.junit.jupiter.params.provider.ValueSource;

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
        "class All: NL  def __eq__(self, other): return True NL def add(a, b): return All() | 0",
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

  /// Each lies in another way about what it computes, or reaches for the verdict.
  @ParameterizedTest
  @ValueSource(
      strings = {
        "import sys; f = sys._getframe() NL while f: NL  f.f_locals.update(word='x'); f = f.f_back NL"
            + " add = lambda a, b: 0",
        "import inspect; print([f.frame.f_locals for f in inspect.stack()]); add = lambda a, b: 0",
        "import gc NL for o in gc.get_objects(): NL  if type(o).__name__ == 'Link': NL"
            + "   o.do = lambda *a: [0]",
        "import gc NL for o in gc.get_objects(): NL  if type(o).__name__ == 'Link': NL"
            + "   o.say(['load', 'import os; os.write(1, b\"x\"); os._exit(0)'])",
        "import gc NL L = [o for o in gc.get_objects() if type(o).__name__ == 'Link'][0] NL"
            + " L.load = lambda c: {'add': ['builtin', 'eval'], '__builtins__': ['dict', []]}",
        "import atexit, os; atexit.register(os._exit, 0); add = lambda a, b: 0",
        "import sys; sys.stdout = sys.stderr; add = print = lambda *a, **k: 0",
        "import builtins NL builtins.compile = builtins.exec = lambda *a, **k: 0 NL"
            + " add = lambda a, b: 0",
        "all = any = abs = isinstance = lambda *a: True NL add = lambda a, b: 0",
        "def add(a, b): raise SystemExit(0)",
        "def add(a, b): raise AssertionError",
        "class All: NL  def __eq__(self, o): return True NL  def __lt__(self, o): return True NL"
            + "  def __sub__(self, o): return 0 NL  __rsub__ = __sub__ NL"
            + "  def __abs__(self): return 0 NL add = lambda a, b: All()",
        "open('/tmp/math.py', 'w').write('import os; os._exit(0)') NL"
            + " open('/workspace/math.py', 'w').write('import os; os._exit(0)') NL"
            + " add = lambda a, b: 0",
        "import os, signal; os.kill(os.getppid(), signal.SIGTERM); add = lambda a, b: 0",
      })
  void nothingThatTheAnswerDoesForgesTheVerdict(String code) throws Exception {
    for (String tests :
        List.of(
            ASSERTIONS,
            "import math\nassert abs(add(1, 2) - 3) < 1e-6",
            "assert all(add(i, i) == 2 * i for i in range(1, 4))"))
      assertThat(
              score(
                  "'timeout_s':5",
                  JsonText.object().put("tests", tests),
                  code.replace(" NL ", "\n")))
          .as(tests)
          .isZero();
  }

  /// The checker's streams, memory and the tests' text, as the operating system would show them.
  @ParameterizedTest
  @ValueSource(
      strings = {
        "open('/proc/%d/mem' % os.getppid(), 'rb')",
        "open('/proc/%d/fd/1' % os.getppid(), 'w')",
        "open('/proc/%d/fd/0' % os.getppid(), 'r')",
        "open('/proc/%d/environ' % os.getppid(), 'rb').read()",
        "os.listdir('/proc/%d/fd' % os.getppid())",
        "1 / len(sys.stdin.read())",
        "1 / sum(b'hidden-' + b'marker' in open(os.path.join(d, f), 'rb').read() for t in"
            + " ('/tmp', '/workspace') for d, _, fs in os.walk(t) for f in fs)",
        "1 / any(re.search(b'hidde[n]-marker', part) for part in maps())",
      })
  void theAnswerCannotReachTheChecker(String reach) throws Exception {
    String code =
        """
        import os, re, sys
        def maps():
            for line in open("/proc/self/maps"):
                span, mode = line.split()[:2]
                if mode.startswith("rw"):
                    low, high = (int(x, 16) for x in span.split("-"))
                    with open("/proc/self/mem", "rb", 0) as mem:
                        mem.seek(low)
                        try:
                            yield mem.read(high - low)
                        except OSError:
                            pass
        try:
            REACH
            add = lambda a, b: 0
        except (OSError, ZeroDivisionError):
            add = lambda a, b: a + b
        """
            .replace("REACH", reach);
    ObjectNode data = JsonText.object().put("tests", "# hidden-marker\n" + ASSERTIONS);

    assertThat(score("'timeout_s':5", data, code)).isEqualTo(1);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "def f(l): l[0].append(9) | x = [[3], 1]; y = x[0]; f(x); assert y == [3, 9]",
        "class P: NL  def __init__(s, x): s.x = x NL  def __eq__(s, o): return s.x == o.x"
            + " | p = P(3); p.x += 1; assert p == P(4) and p.x == 4 and isinstance(p, P)",
        "class E(Exception): pass NL class F(E): pass NL def f(): raise F('no')"
            + " | from solution import E NL try: NL  f(); assert 0 NL except E as e: assert str(e) == 'no'",
        "def f(g, xs): return [g(x) for x in xs]"
            + " | assert f(lambda x: x + 1, iter([1])) == [2] and f(str, [1]) == ['1']",
        "def f(n): NL  for i in range(n): yield i | assert list(f(3)) == [0, 1, 2]",
        "async def f(x): return x + 1 | import asyncio NL assert asyncio.run(f(1)) == 2",
        "def f(t): return 1 + max(map(f, [t.a, t.b])) if t else 0"
            + " | class T: NL  def __init__(s, a=None, b=None): s.a, s.b = a, b NL"
            + " assert f(T(T(), T(T()))) == 3",
        "from collections import * NL def f(s): return Counter(s), namedtuple('P', 'x')(1)"
            + " | c, p = f('aab'); assert c == {'a': 2, 'b': 1} and p == (1,) and p.x == 1",
        "import math NL def f(x): return math.sqrt(x)"
            + " | assert math.isclose(f(4), 2) and abs(f(9) - 3) < 1e-9",
      })
  void testsSeeTheAnswersObjectsThoughTheyLiveElsewhere(String code, String tests)
      throws Exception {
    ObjectNode data = JsonText.object().put("tests", tests.replace(" NL ", "\n"));

    assertThat(score("'timeout_s':5", data, code.replace(" NL ", "\n"))).isEqualTo(1);
  }

  @Test
  void testsThatCannotBeCheckedAreNoFaultOfTheAnswer() {
    ObjectNode data = JsonText.object().put("tests", "class D(B): pass");

    assertThatThrownBy(() -> score("'timeout_s':5", data, "class B: pass"))
        .isInstanceOf(Environment.EnvironmentLost.class)
        .hasMessageContaining("derive a class from one of the answer's");
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
