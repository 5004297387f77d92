package dev.turnstone.sandbox;

import static dev.turnstone.sandbox.Hostile.tries;
import static dev.turnstone.sandbox.Outcome.finished;
import static dev.turnstone.sandbox.Outcome.prints;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/// Programs 14 to 29 of the forty: they reach for what lies outside of their jail.
@ExtendWith(Aftermath.class)
final class HostileReachTest {
  private static final Path CORE_PATTERN = Path.of("/proc/sys/kernel/core_pattern");

  @Test
  void program14ReadSecretsOfTheHost() {
    tries(
            "*(tried(open, f) for f in ('/etc/shadow', '/root/.ssh', '/home', '/var', '/sys',"
                + " '/run', '/root/.config', '/etc/ssh'))")
        .ends(prints("ENOENT ENOENT ENOENT ENOENT ENOENT ENOENT ENOENT ENOENT"));
  }

  @Test
  void program15ReadTheEnvironment() {
    Hostile.python(
            """
            import os
            print(*sorted(os.environ))
            print(open('/proc/self/environ').read().count('\\0'))
            try: open('/proc/1/environ').read()
            except PermissionError: print('not the worker\\'s')
            """)
        .ends(
            prints(
                "HOME LC_ALL MALLOC_ARENA_MAX OMP_NUM_THREADS OPENBLAS_NUM_THREADS PATH PWD"
                    + " PYTHONHASHSEED TZ\n9\nnot the worker's"));
  }

  @Test
  void program16ListTheProcessesOfTheHost() {
    Hostile.python(
            "import os\nprint(*sorted(n for n in os.listdir('/proc') if n.isdigit()))\n"
                + "print(os.listdir('/agent'))")
        .ends(prints("1 2\n[]"));
  }

  @Test
  void program17WriteTheSystem() {
    tries(
            "[f for f in ('/usr/bin/x', '/x', '/bin/x', '/etc/passwd', '/agent/main.py', '/dev/x')"
                + " if tried(os.open, f, os.O_CREAT | os.O_WRONLY) == 'did'],"
                + " tried(os.open, '/usr/bin/x', os.O_CREAT | os.O_WRONLY)")
        .ends(prints("[] EROFS"));
  }

  @Test
  void program18WriteCorePattern() throws IOException {
    String before = Files.readString(CORE_PATTERN);
    tries(
            "[f for f in ('/proc/sys/kernel/core_pattern', '/proc/sys/vm/drop_caches',"
                + " '/proc/sys/kernel/hostname', '/proc/self/oom_score')"
                + " if tried(os.open, f, os.O_WRONLY) == 'did']")
        .ends(prints("[]"));
    assertThat(Files.readString(CORE_PATTERN)).isEqualTo(before);
  }

  @Test
  void program19OpenTheMachinesDevices() {
    tries(
            "*(tried(open, f) for f in ('/dev/mem', '/dev/vda', '/dev/sda', '/dev/kmsg')),"
                + " *(tried(os.open, f, os.O_WRONLY) == 'did' for f in"
                + " ('/proc/sysrq-trigger', '/proc/kcore'))")
        .ends(prints("ENOENT ENOENT ENOENT ENOENT False False"));
    tries("tried(os.mknod, '/tmp/d', 0o60666, os.makedev(8, 0))").ends(prints("EPERM"));
  }

  @Test
  void program20Mount() {
    tries(
            "tried(call, 'mount', b'none', b'/tmp', b'tmpfs', 0, None), tried(call, 'umount2', b'/tmp', 2),"
                + " tried(syscall, 155, 41, b'/tmp', b'/tmp'), tried(os.chroot, '/tmp')")
        .ends(prints("EPERM EPERM EPERM EPERM"));
  }

  @Test
  void program21MakeNamespaces() {
    tries(
            "tried(call, 'unshare', 0x10000000), tried(call, 'unshare', 0x50000000),"
                + " tried(call, 'setns', os.open('/proc/self/ns/user', os.O_RDONLY), 0),"
                + " tried(syscall, 56, 220, 0x10000011, 0, 0, 0, 0), tried(syscall, 435, 435, 0, 0)")
        .ends(prints("EPERM EPERM EPERM EPERM ENOSYS"));
  }

  @Test
  void program22BecomeRoot() {
    tries("tried(os.setuid, 0), tried(os.setgid, 0), tried(os.setgroups, [0]), os.getuid()")
        .ends(prints("EINVAL EINVAL EPERM 65534"));
    Hostile.bash("su -c id </dev/null || echo refused").ends(finished(0, "refused\n"));
    Hostile.bash("cp /usr/bin/id /tmp/id; chmod u+s /tmp/id; /tmp/id -u").ends(prints("65534"));
  }

  @Test
  void program23TraceOtherProcesses() {
    tries(
            "tried(call, 'ptrace', 16, 1, 0, 0), tried(syscall, 310, 270, 1, 0, 0, 0, 0, 0),"
                + " tried(syscall, 311, 271, 1, 0, 0, 0, 0, 0)")
        .ends(prints("EPERM EPERM EPERM"));
  }

  @Test
  void program24LoadBpf() {
    tries(
            "tried(syscall, 321, 280, 0, 0, 0), tried(syscall, 298, 241, 0, 0, -1, -1, 0),"
                + " tried(syscall, 323, 282, 0)")
        .ends(prints("EPERM EPERM EPERM"));
  }

  @Test
  void program25UseIoUringAndKeyrings() {
    tries(
            "tried(syscall, 425, 425, 1, 0), tried(syscall, 250, 219, 0, -5, 0),"
                + " tried(syscall, 248, 217, b'user', b'x', b'y', 1, -5)")
        .ends(prints("EPERM EPERM EPERM"));
  }

  @Test
  void program26TypeIntoTheTerminal() {
    tries("tried(open, '/dev/tty'), tried(syscall, 16, 29, 0, 0x5412, b'x')")
        .ends(prints("ENXIO EPERM"));
  }

  @Test
  void program27ReachTheNetwork() {
    int own = URI.create(RunningSandbox.shared().url()).getPort();
    tries(
            "*(tried(socket.create_connection, a, 2) for a in (('1.1.1.1', 443), ('169.254.169.254', 80),"
                + " ('127.0.0.1', "
                + own
                + "))), tried(socket.getaddrinfo, 'example.org', 80) != 'did'")
        .ends(prints("ENETUNREACH ENETUNREACH ECONNREFUSED True"));
    tries("*(tried(socket.socket, f, t) for f, t in ((40, 1), (38, 5), (17, 3)))")
        .ends(prints("EAFNOSUPPORT EAFNOSUPPORT EAFNOSUPPORT"));
    Hostile.python(
            """
            import http.server, threading, urllib.request
            s = http.server.HTTPServer(('', 8000), http.server.SimpleHTTPRequestHandler)
            threading.Thread(target=s.serve_forever, daemon=True).start()
            for host in ('127.0.0.1', 'localhost'):
                print(urllib.request.urlopen(f'http://{host}:8000/').status)
            """)
        .ends(prints("200\n200"));
  }

  @Test
  void program28ReachTheHostsAbstractSockets() throws Exception {
    // One that exists: X, D-Bus and others listen on such names. Java cannot make one, python can.
    Process listener =
        new ProcessBuilder(
                "python3",
                "-c",
                "import socket, sys; s = socket.socket(socket.AF_UNIX); s.bind('\\0turnstone-"
                    + ProcessHandle.current().pid()
                    + "'); s.listen(); print('up', flush=True); sys.stdin.read()")
            .start();
    try {
      assertThat(listener.inputReader().readLine()).isEqualTo("up");
      tries(
              "tried(socket.socket(socket.AF_UNIX).connect, '\\0turnstone-%d')"
                  .formatted(ProcessHandle.current().pid()))
          .ends(prints("ECONNREFUSED"));
    } finally {
      listener.destroyForcibly().waitFor();
    }
  }

  @Test
  void program29BindTheSamePortTwice() throws Exception {
    RunningSandbox sandbox = RunningSandbox.shared();
    String code =
        """
        import socket, time
        s = socket.create_server(('', 5000)); time.sleep(0.5); print('bound')
        """;
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Callable<JsonNode>> both = Collections.nCopies(2, () -> sandbox.python(code));
      for (Future<JsonNode> one : threads.invokeAll(both)) prints("bound").accept(one.get());
    }
  }
}
