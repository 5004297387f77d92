package dev.turnstone.sandbox;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Programs that want more than their share: each ends as it should, nothing of it is left and the
/// next program runs.
final class HostileLimitsTest {
  private static final String IGNORE_SIGNALS =
      """
      import os, signal, time
      for s in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD}:
          signal.signal(s, signal.SIG_IGN)
      """;

  private final RunningSandbox sandbox = RunningSandbox.shared();

  @ParameterizedTest
  @MethodSource({"processes", "memory", "output", "files", "stacksAndDescriptors"})
  void endsAsItShouldAndNothingIsLeft(Hostile hostile) {
    hostile.expected().accept(sandbox.run(hostile.request()));

    assertThat(sandbox.python("print('next')").at("/run_result/stdout").asText())
        .isEqualTo("next\n");
    sandbox.assertNothingIsLeft();
  }

  static Stream<Hostile> processes() {
    return Stream.of(
        Hostile.python(
                "a fork bomb",
                IGNORE_SIGNALS
                    + """
                    while True:
                        try: os.fork()
                        except OSError: pass
                    """,
                timeLimit(0.5))
            .within(0.5),
        Hostile.bash("a bash fork bomb", ":(){ :|:& };:; wait; sleep 9", timeLimit(0.5))
            .within(0.5),
        Hostile.python(
                "a loop deaf to signals", IGNORE_SIGNALS + "while True: pass", timeLimit(0.3))
            .within(0.3),
        Hostile.python("sleeping for ever", "import time\ntime.sleep(1e6)", timeLimit(0.3))
            .within(0.3),
        Hostile.python(
                "a stopped process",
                "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)",
                timeLimit(0.3))
            .within(0.3),
        Hostile.python(
            "a daemon",
            """
            import os, time
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    for fd in range(3): os.close(fd)
                    time.sleep(100)
                os._exit(0)
            print('left')
            """,
            finished(0, "left\n").andThen(faster(1))),
        Hostile.python(
            "a daemon that holds stdout open",
            """
            import os, time
            if os.fork() == 0:
                os.setsid()
                time.sleep(100)
            print('left')
            """,
            finished(0, "left\n").andThen(faster(1))),
        Hostile.python(
            "closed standard streams",
            "import os, time\nfor fd in range(3): os.close(fd)\ntime.sleep(0.3)\nos._exit(7)",
            r -> {
              assertThat(r.at("/run_result/return_code").asInt()).isEqualTo(7);
              assertThat(r.at("/run_result/execution_time").asDouble()).isGreaterThan(0.25);
            }),
        Hostile.python(
            "killing everyone",
            """
            import os, signal
            for target in (1, -1, os.getppid()):
                for number in (signal.SIGKILL, signal.SIGSTOP, signal.SIGSEGV):
                    try: os.kill(target, number)
                    except ProcessLookupError: pass
            print('alone')
            """,
            finished(0, "alone\n")),
        Hostile.python(
            "starving its worker",
            """
            import os, resource
            def denied(f, *a):
                try: f(*a)
                except PermissionError: return True
                return False
            print(denied(resource.prlimit, 1, resource.RLIMIT_CPU, (1, 1)),
                  denied(os.sched_setaffinity, 1, {0}),
                  denied(os.setpriority, os.PRIO_USER, 0, 19),
                  denied(os.sched_setscheduler, 1, os.SCHED_IDLE, os.sched_param(0)))
            """,
            finished(0, "True True True True\n")));
  }

  static Stream<Hostile> memory() {
    return Stream.of(
        Hostile.python(
                "a memory bomb",
                "x = []\nwhile True: x.append(bytearray(1 << 20))",
                failed("MemoryError"))
            .memory(256),
        Hostile.python(
                "hoarders that are small each",
                """
                import os, time
                for _ in range(20):
                    if os.fork() == 0:
                        x = b''.join(os.urandom(1 << 20) for _ in range(40))
                        time.sleep(60)
                while os.wait()[1] == 0: pass
                raise SystemExit('one was killed')
                """,
                r -> assertThat(r.at("/status").asText()).as(brief(r)).isEqualTo("Failed"))
            .memory(200)
            .within(8),
        Hostile.python("one huge allocation", "bytearray(8 << 30)", failed("MemoryError")),
        Hostile.bash(
                "a bash memory bomb", "x=a; while :; do x=$x$x; done", failed("cannot allocate"))
            .memory(128),
        Hostile.python(
            "memory that limits do not count",
            """
            import os, ctypes
            libc = ctypes.CDLL(None)
            print(libc.shmget(0, 1 << 30, 0o1600), libc.memfd_create(b'x', 0))
            """,
            finished(0, "-1 -1\n")),
        Hostile.python(
            "filling every file system",
            """
            import errno, os
            def fill(folder):
                for i in range(100):
                    try:
                        with open(f'{folder}/{i}', 'wb') as f:
                            for _ in range(1000): f.write(bytes(1 << 20))
                    except OSError as e:
                        if e.errno == errno.ENOSPC: return 'full'
                        if e.errno != errno.EFBIG: return e.strerror
                return 'endless'
            print(*map(fill, ('/tmp', '/workspace', '/dev/shm', '/dev', '/')))
            """,
            finished(0, "full full full Read-only file system Read-only file system\n")));
  }

  static Stream<Hostile> output() {
    return Stream.of(
        Hostile.python(
                "a flood on stdout",
                "import os\nwhile True: os.write(1, b'x' * 65536)",
                timeLimit(0.5)
                    .andThen(r ->
                        assertThat(r.at("/run_result/stdout").asText())
                            .contains("bytes left out]\n")
                            .hasSizeBetween(1 << 20, (1 << 20) + 100)))
            .within(0.5),
        Hostile.python(
            "more than a pipe holds",
            "print('y' * 150000)",
            r -> {
              assertThat(r.at("/status").asText()).isEqualTo("Success");
              assertThat(r.at("/run_result/stdout").asText()).hasSize(150001);
            }),
        Hostile.python(
            "a flood on stderr while stdout is silent",
            """
            import os, sys
            for _ in range(100): os.write(2, b'e' * 65536)
            print('done')
            """,
            finished(0, "done\n")),
        Hostile.python(
            "interleaved floods",
            "import os\nfor _ in range(200): os.write(1, b'o' * 9999); os.write(2, b'e' * 9999)",
            r -> assertThat(r.at("/run_result/return_code").asInt()).isZero()),
        Hostile.python(
            "bytes that are no text",
            "import os\nos.write(1, b'a\\xff\\xfeb\\x00')",
            finished(0, "a\ufffd\ufffdb\0")),
        Hostile.python("stdin that nobody reads", "print('deaf')", finished(0, "deaf\n"))
            .stdin("z".repeat(8 << 20)),
        Hostile.python(
                "stdin that is read late",
                "import sys, time\ntime.sleep(0.2)\nprint(len(sys.stdin.read()))",
                finished(0, (8 << 20) + "\n"))
            .stdin("z".repeat(8 << 20)));
  }

  static Stream<Hostile> files() {
    return Stream.of(
        Hostile.python(
                "a sparse file",
                """
                import os
                try: os.truncate(os.open('big', os.O_CREAT | os.O_RDWR), 10 << 30)
                except OSError as e: print(e.strerror)
                os.truncate('big', 60 << 20)
                """,
                finished(0, "File too large\n")
                    .andThen(r -> assertThat(r.at("/message").asText()).contains("big"))
                    .andThen(r -> assertThat(r.at("/files")).isEmpty()))
            .fetching("big"),
        Hostile.python(
                "endless small files",
                "i = 0\nwhile True:\n  open(f'/tmp/{i}', 'w').close(); i += 1",
                failed("No space left on device"))
            .within(30),
        Hostile.python(
            "folders deeper than a path is long",
            """
            import os
            for _ in range(2000):
                os.mkdir('d' * 200); os.chdir('d' * 200)
            open('a\\nb', 'w').close(); open(b'\\xff\\xfe', 'w').close()
            print('deep')
            """,
            finished(0, "deep\n")));
  }

  static Stream<Hostile> stacksAndDescriptors() {
    return Stream.of(
        Hostile.python("endless recursion", "def f(): f()\nf()", failed("RecursionError")),
        Hostile.python(
                "a stack overflow",
                """
                import ctypes
                ctypes.string_at(0)
                """,
                r -> assertThat(r.at("/run_result/return_code").asInt()).isEqualTo(-11))
            .fetching("core"),
        Hostile.python(
            "every descriptor",
            """
            import os
            n = 0
            try:
                while True: os.open('/dev/null', os.O_RDONLY); n += 1
            except OSError as e: print(n, e.strerror)
            """,
            finished(0, "253 Too many open files\n")),
        Hostile.python(
            "a thread bomb",
            """
            import os, threading, time
            n = 0
            try:
                while True: threading.Thread(target=time.sleep, args=(9,)).start(); n += 1
            except RuntimeError: print(n < 64, flush=True)
            os._exit(0)
            """,
            finished(0, "True\n")),
        Hostile.python(
            "huge arguments",
            """
            import subprocess
            try: subprocess.run(['/usr/bin/true', 'x' * (8 << 20)])
            except OSError as e: print(e.strerror)
            """,
            finished(0, "Argument list too long\n")));
  }

  private static Consumer<JsonNode> timeLimit(double seconds) {
    return response -> {
      assertThat(response.at("/status").asText()).as(brief(response)).isEqualTo("Failed");
      assertThat(response.at("/run_result/status").asText()).isEqualTo("TimeLimitExceeded");
      assertThat(response.at("/run_result/execution_time").asDouble())
          .isBetween(seconds, seconds + 1);
    };
  }

  private static Consumer<JsonNode> finished(int code, String stdout) {
    return response -> {
      assertThat(response.at("/run_result/status").asText())
          .as(brief(response))
          .isEqualTo("Finished");
      assertThat(response.at("/run_result/stdout").asText()).as(brief(response)).isEqualTo(stdout);
      assertThat(response.at("/run_result/return_code").asInt()).isEqualTo(code);
    };
  }

  private static Consumer<JsonNode> failed(String why) {
    return response -> {
      assertThat(response.at("/status").asText()).as(brief(response)).isEqualTo("Failed");
      assertThat(response.at("/run_result/status").asText()).isEqualTo("Finished");
      assertThat(response.at("/run_result/stderr").asText()).contains(why);
    };
  }

  private static Consumer<JsonNode> faster(double seconds) {
    return r -> assertThat(r.at("/run_result/execution_time").asDouble()).isLessThan(seconds);
  }

  private static String brief(JsonNode response) {
    String text = response.toString();
    return text.substring(0, Math.min(text.length(), 2000));
  }
}
