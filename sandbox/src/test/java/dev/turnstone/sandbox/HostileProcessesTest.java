package dev.turnstone.sandbox;

import static dev.turnstone.sandbox.Outcome.code;
import static dev.turnstone.sandbox.Outcome.failed;
import static dev.turnstone.sandbox.Outcome.faster;
import static dev.turnstone.sandbox.Outcome.finished;
import static dev.turnstone.sandbox.Outcome.prints;
import static dev.turnstone.sandbox.Outcome.timeLimit;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.management.ManagementFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/// Programs 1 to 13 of the forty: they want more processes, memory, time or output than they have.
@ExtendWith(Aftermath.class)
final class HostileProcessesTest {
  private static final String IGNORE_SIGNALS =
      """
      import os, signal, time
      for s in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD}:
          signal.signal(s, signal.SIG_IGN)
      """;

  private static final String LEFT_BEHIND =
      """
      import os, time
      if os.fork() == 0:
          os.setsid()
          if os.fork() == 0:
              CLOSE
              time.sleep(100)
          os._exit(0)
      print('left')
      """;

  @Test
  void program01ForkBombThatIgnoresSignals() {
    Hostile.python(
            IGNORE_SIGNALS
                + """
                while True:
                    try: os.fork()
                    except OSError: pass
                """)
        .within(0.5)
        .ends(timeLimit(0.5));
    Hostile.bash(":(){ :|:& };:; wait; sleep 9").within(0.5).ends(timeLimit(0.5));
  }

  @Test
  void program02MemoryBomb() {
    Hostile.python(
            """
            import mmap
            m = mmap.mmap(-1, 2 << 30)
            for i in range(0, 2 << 30, 4096): m[i] = 1
            """)
        .memory(256)
        .ends(failed("memory").andThen(faster(2)));
    Hostile.python("x = []\nwhile True: x.append(bytearray(1 << 20))")
        .memory(256)
        .ends(failed("MemoryError"));
    Hostile.python("bytearray(8 << 30)").ends(failed("MemoryError"));
    Hostile.bash("x=a; while :; do x=$x$x; done").memory(128).ends(failed("cannot allocate"));
  }

  @Test
  void program03MemoryBombOfFiles() {
    Hostile.python(
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
            """)
        .ends(finished(0, "full full full Read-only file system Read-only file system\n"));
    Hostile.python(
            """
            import os, ctypes
            libc = ctypes.CDLL(None)
            print(libc.shmget(0, 1 << 30, 0o1600), libc.memfd_create(b'x', 0))
            """)
        .ends(prints("-1 -1"));
  }

  @Test
  void program04ManyProcessesThatAreEachUnderTheLimit() {
    Hostile.python(
            """
            import mmap, os, time
            for _ in range(20):
                if os.fork() == 0:
                    m = mmap.mmap(-1, 40 << 20)
                    for i in range(0, 40 << 20, 4096): m[i] = 1
                    time.sleep(60)
            while os.wait()[1] == 0: pass
            raise SystemExit('one was killed for its memory')
            """)
        .memory(200)
        .within(8)
        .ends(failed("memory"));
  }

  @Test
  void program05LoopThatIgnoresSignals() {
    Hostile.python(IGNORE_SIGNALS + "while True: pass").within(0.3).ends(timeLimit(0.3));
  }

  @Test
  void program06SleepForEver() {
    Hostile.python("import time\ntime.sleep(1e6)").within(0.3).ends(timeLimit(0.3));
    Hostile.python("import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)")
        .within(0.3)
        .ends(timeLimit(0.3));
  }

  @Test
  void program07StdoutFlood() {
    long before = heap();
    Hostile.python("import os\nwhile True: os.write(1, b'x' * 65536)")
        .within(0.5)
        .ends(
            timeLimit(0.5)
                .andThen(r ->
                    assertThat(r.at("/run_result/stdout").asText())
                        .contains("bytes left out]\n")
                        .hasSizeBetween(1 << 20, (1 << 20) + 100)));
    assertThat(heap() - before).isLessThan(64 << 20);
  }

  @Test
  void program08OutputOf150000Bytes() {
    Hostile.python("print('y' * 149999)").ends(prints("y".repeat(149_999)));
  }

  @Test
  void program09StderrFloodWhileStdoutIsSilent() {
    Hostile.python(
            """
            import os
            for _ in range(100): os.write(2, b'e' * 65536)
            print('done')
            """)
        .ends(finished(0, "done\n"));
    Hostile.python(
            "import os\nfor _ in range(200): os.write(1, b'o' * 9999); os.write(2, b'e' * 9999)")
        .ends(code(0));
    Hostile.python("import os\nos.write(1, b'a\\xff\\xfeb\\x00')")
        .ends(finished(0, "a\ufffd\ufffdb\0"));
  }

  @Test
  void program10ClosedStandardStreams() {
    Hostile.python(
            "import os, time\nfor fd in range(3): os.close(fd)\ntime.sleep(0.3)\nos._exit(7)")
        .ends(
            code(7)
                .andThen(r ->
                    assertThat(r.at("/run_result/execution_time").asDouble()).isGreaterThan(0.25)));
    Hostile.python("import os, time\nfor fd in range(3): os.close(fd)\ntime.sleep(99)")
        .within(0.3)
        .ends(timeLimit(0.3));
  }

  @Test
  void program11Daemon() {
    Hostile.python(LEFT_BEHIND.replace("CLOSE", "for fd in range(3): os.close(fd)"))
        .ends(finished(0, "left\n").andThen(faster(1)));
  }

  @Test
  void program12DaemonThatHoldsStdoutOpen() {
    Hostile.python(LEFT_BEHIND.replace("CLOSE", "pass"))
        .ends(finished(0, "left\n").andThen(faster(1)));
  }

  @Test
  void program13KillEveryone() {
    Hostile.python(
            """
            import os, signal
            for target in (1, -1, os.getppid()):
                for number in (signal.SIGKILL, signal.SIGSTOP, signal.SIGSEGV):
                    try: os.kill(target, number)
                    except ProcessLookupError: pass
            print('alone')
            """)
        .ends(prints("alone"));
    Hostile.python(
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
            """)
        .ends(prints("True True True True"));
  }

  private static long heap() {
    System.gc();
    return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
  }
}
