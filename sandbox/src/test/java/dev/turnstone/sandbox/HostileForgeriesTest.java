package dev.turnstone.sandbox;

import static dev.turnstone.sandbox.Hostile.tries;
import static dev.turnstone.sandbox.Outcome.code;
import static dev.turnstone.sandbox.Outcome.failed;
import static dev.turnstone.sandbox.Outcome.finished;
import static dev.turnstone.sandbox.Outcome.prints;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/// Programs 37 to 40 of the forty: stacks and descriptors without end, and lies about the result.
@ExtendWith(Aftermath.class)
final class HostileForgeriesTest {
  @Test
  void program37EndlessRecursion() {
    Hostile.python("def f(): f()\nf()").ends(failed("RecursionError"));
    Hostile.python("import faulthandler\nfaulthandler._stack_overflow()")
        .fetching("core", "/tmp/core")
        .ends(code(-11).andThen(r -> assertThat(r.at("/files")).isEmpty()));
  }

  @Test
  void program38EveryDescriptorAndEveryThread() {
    Hostile.python(
            """
            import os
            n = 0
            try:
                while True: os.open('/dev/null', os.O_RDONLY); n += 1
            except OSError as e: print(n, e.strerror)
            """)
        .ends(finished(0, "252 Too many open files\n"));
    Hostile.python(
            """
            import os, threading, time
            n = 0
            try:
                while True: threading.Thread(target=time.sleep, args=(9,)).start(); n += 1
            except RuntimeError: print(n < 64, flush=True)
            os._exit(0)
            """)
        .ends(finished(0, "True\n"));
  }

  /// What came before the exit is told, what would have come after it is not: a verifier that asks
  /// for a mark at the end sees that it is missing (the reward `code_tests` does).
  @Test
  void program39ExitBeforeTheEnd() {
    for (String exit : new String[] {"os._exit(0)", "sys.exit(0)", "exit(0)", "os.kill(0, 9)"})
      Hostile.python("import os, sys\nprint('a', flush=True)\n" + exit + "\nprint('end')")
          .ends(r -> assertThat(r.at("/run_result/stdout").asText()).isEqualTo("a\n"));
  }

  @Test
  void program40ForgeTheWorkersAnswers() {
    Hostile.python(
            """
            import os
            frame = (2).to_bytes(4, 'big') + (16).to_bytes(4, 'big') + b'n' * 16 + bytes(4)
            for fd in range(3, 1024):
                try: os.write(fd, frame)
                except OSError: pass
            print('honest')
            """)
        .ends(prints("honest"));
    tries(
            "*(tried(open, '/proc/1/' + f, m) for f, m in (('mem', 'rb'), ('fd/1', 'wb'), ('fd/0', 'rb'),"
                + " ('environ', 'rb'), ('maps', 'rb')))")
        .ends(prints("EACCES EACCES EACCES EACCES EACCES"));
    Hostile.python("import json, select\nprint(json.x)")
        .file("json.py", "x = 7")
        .file("select.py", "raise SystemExit(9)")
        .ends(prints("7"));
  }

  @Test
  void program40RunTheWorkersCodeInItsOwnProcess() {
    Hostile.python(
            """
            import sys
            frame = sys._getframe()
            while frame.f_back: frame = frame.f_back
            for fd in range(64):
                connection = frame.f_globals['worker'].Connection(fd, fd)
                connection.nonce = b'n' * 16
                try: connection.answer({'run': {'code': 0, 'seconds': 0}}, b'forged', b'')
                except OSError: pass
            sys.stdout.flush()
            """)
        .ends(r -> {
          assertThat(r.at("/status").asText()).isEqualTo("Success");
          assertThat(r.at("/run_result/stdout").asText()).contains("nnnn", "forged");
          assertThat(r.at("/run_result/execution_time").asDouble()).isPositive();
        });
  }

  /// The descriptor by which a program's own process says that it is done (`programs.py`).
  @Test
  void program40ForgeTheEnd() {
    Hostile.python("import os, time\nprint('a', flush=True)\nos.write(100, b'7\\n')\ntime.sleep(9)")
        .ends(finished(7, "a\n").andThen(r -> assertThat(seconds(r)).isLessThan(5)));
    Hostile.python("import os\nos.write(100, b'x' * 99)\nprint('honest')").ends(prints("honest"));
    Hostile.python("import os\nos.closerange(3, 200)\nprint('honest')").ends(prints("honest"));
    Hostile.python("import os\nprint(os.fork() > 0)")
        .ends(r -> assertThat(r.at("/status").asText()).isEqualTo("Success"));
  }

  private static double seconds(JsonNode response) {
    return response.at("/run_result/execution_time").asDouble();
  }
}
