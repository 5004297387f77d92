package dev.turnstone.sandbox;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.net.URI;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Programs that want out of their jail, or to forge what is said about them.
final class HostileEscapesTest {
  /// `tried(f, …)` gives the name of the error that f ends with, `did` where it ends well.
  private static final String TRIED =
      """
      import ctypes, errno, os, platform, signal, socket, sys
      libc = ctypes.CDLL(None, use_errno=True)
      def tried(f, *a):
          try: f(*a)
          except OSError as e: return errno.errorcode.get(e.errno, str(e))
          return 'did'
      def call(name, *a):
          if getattr(libc, name)(*a) == -1:
              raise OSError(ctypes.get_errno(), name)
      def syscall(x86, arm, *a):
          call('syscall', arm if platform.machine() == 'aarch64' else x86, *a)
      """;

  private final RunningSandbox sandbox = RunningSandbox.shared();

  @ParameterizedTest
  @MethodSource({"hostFiles", "privileges", "network", "forgeries"})
  void staysInItsJail(Hostile hostile) {
    hostile.expected().accept(sandbox.run(hostile.request()));

    assertThat(sandbox.python("print('next')").at("/run_result/stdout").asText())
        .isEqualTo("next\n");
    sandbox.assertNothingIsLeft();
  }

  static Stream<Hostile> hostFiles() {
    return Stream.of(
        tries(
            "host files",
            "*(tried(open, f) for f in ('/etc/shadow', '/root/.ssh', '/home', '/var', '/sys', '/run'))",
            "ENOENT ENOENT ENOENT ENOENT ENOENT ENOENT"),
        Hostile.python(
            "the environment",
            """
            import os
            print(*sorted(os.environ))
            print(open('/proc/self/environ').read().count('\\0'))
            """,
            prints(
                "HOME LC_ALL MALLOC_ARENA_MAX OMP_NUM_THREADS OPENBLAS_NUM_THREADS PATH PWD"
                    + " PYTHONHASHSEED TZ\n9")),
        Hostile.python(
            "host processes",
            "import os\nprint(*sorted(n for n in os.listdir('/proc') if n.isdigit()))\n"
                + "print(os.listdir('/agent'))",
            prints("1 2\n[]")),
        tries(
            "writing the system",
            "[f for f in ('/usr/bin/x', '/x', '/bin/x', '/etc/passwd', '/agent/main.py', '/dev/x')"
                + " if tried(os.open, f, os.O_CREAT | os.O_WRONLY) == 'did']",
            "[]"),
        tries(
            "kernel switches",
            "[f for f in ('/proc/sys/kernel/core_pattern', '/proc/sys/vm/drop_caches',"
                + " '/proc/sysrq-trigger') if tried(os.open, f, os.O_WRONLY) == 'did']",
            "[]"),
        tries(
            "devices",
            "*(tried(open, f) for f in ('/dev/mem', '/dev/vda', '/dev/sda', '/dev/kmsg'))",
            "ENOENT ENOENT ENOENT ENOENT"),
        tries("making a device", "tried(os.mknod, '/tmp/d', 0o60666, os.makedev(8, 0))", "EPERM"),
        Hostile.bash(
                "fetching through links",
                """
                ln -s /etc/passwd a.txt; ln -s /proc/1/environ b.txt; ln -s ../../../etc/shadow c
                ln -s / root; mkdir d; rmdir d; ln -s /usr d; mkfifo pipe; ln -s self self
                echo mine > mine; ln -s mine ours
                """,
                r -> {
                  assertThat(r.at("/files").fieldNames()).toIterable().containsExactly("ours");
                  assertThat(RunningSandbox.text(r.at("/files/ours"))).isEqualTo("mine\n");
                })
            .fetching(
                "a.txt",
                "b.txt",
                "c",
                "root/etc/passwd",
                "d/bin/env",
                "pipe",
                "self",
                "/etc/passwd",
                "/proc/self/status",
                "../../etc/hostname",
                "/dev/zero",
                "\0",
                "ours"));
  }

  static Stream<Hostile> privileges() {
    return Stream.of(
        tries(
            "mounts",
            "tried(call, 'mount', b'none', b'/tmp', b'tmpfs', 0, None), tried(call, 'umount2', b'/tmp', 2),"
                + " tried(syscall, 155, 41, b'/tmp', b'/tmp'), tried(os.chroot, '/tmp')",
            "EPERM EPERM EPERM EPERM"),
        tries(
            "namespaces",
            "tried(call, 'unshare', 0x10000000), tried(call, 'unshare', 0x10020000),"
                + " tried(call, 'setns', os.open('/proc/self/ns/user', os.O_RDONLY), 0),"
                + " tried(syscall, 56, 220, 0x10000011, 0, 0, 0, 0), tried(syscall, 435, 435, 0, 0)",
            "EPERM EPERM EPERM EPERM ENOSYS"),
        tries(
            "becoming root",
            "tried(os.setuid, 0), tried(os.setgid, 0), tried(os.setgroups, [0]), os.getuid()",
            "EINVAL EINVAL EPERM 65534"),
        Hostile.bash(
            "su",
            "su -c id </dev/null || echo refused",
            r -> assertThat(r.at("/run_result/stdout").asText()).isEqualTo("refused\n")),
        tries(
            "other processes",
            "tried(call, 'ptrace', 16, 1, 0, 0), tried(syscall, 310, 270, 1, 0, 0, 0, 0, 0)",
            "EPERM EPERM"),
        tries(
            "bpf, perf, userfaultfd, io_uring, keyrings",
            "tried(syscall, 321, 280, 0, 0, 0), tried(syscall, 298, 241, 0, 0, -1, -1, 0),"
                + " tried(syscall, 323, 282, 0), tried(syscall, 425, 425, 1, 0),"
                + " tried(syscall, 250, 219, 0, -5, 0)",
            "EPERM EPERM EPERM EPERM EPERM"),
        tries(
            "the terminal",
            "tried(open, '/dev/tty'), tried(syscall, 16, 29, 0, 0x5412, b'x')",
            "ENXIO EPERM"));
  }

  static Stream<Hostile> network() {
    int own = URI.create(RunningSandbox.shared().url()).getPort();
    return Stream.of(
        tries(
            "the network",
            "*(tried(socket.create_connection, a, 2) for a in (('1.1.1.1', 443), ('169.254.169.254', 80),"
                + " ('127.0.0.1', "
                + own
                + ")))",
            "ENETUNREACH ENETUNREACH ECONNREFUSED"),
        tries(
            "the host's abstract sockets",
            "tried(socket.socket(socket.AF_UNIX).connect, '\\0turnstone-test')",
            "ECONNREFUSED"),
        tries("names", "tried(socket.getaddrinfo, 'example.org', 80) != 'did'", "True"),
        tries(
            "sockets that no network namespace confines",
            "*(tried(socket.socket, f, t) for f, t in ((40, 1), (38, 5), (17, 3)))",
            "EAFNOSUPPORT EAFNOSUPPORT EAFNOSUPPORT"),
        Hostile.python(
            "its own server works",
            """
            import http.server, threading, urllib.request
            s = http.server.HTTPServer(('', 8000), http.server.SimpleHTTPRequestHandler)
            threading.Thread(target=s.serve_forever, daemon=True).start()
            for host in ('127.0.0.1', 'localhost'):
                print(urllib.request.urlopen(f'http://{host}:8000/').status)
            """,
            prints("200\n200")));
  }

  static Stream<Hostile> forgeries() {
    return Stream.of(
        Hostile.python(
            "frames on every descriptor",
            """
            import os
            frame = (2).to_bytes(4, 'big') + (16).to_bytes(4, 'big') + b'n' * 16 + bytes(4)
            for fd in range(3, 1024):
                try: os.write(fd, frame)
                except OSError: pass
            print('honest')
            """,
            prints("honest")),
        tries(
            "the worker's memory and descriptors",
            "*(tried(open, '/proc/1/' + f, m) for f, m in (('mem', 'rb'), ('fd/1', 'wb'), ('fd/0', 'rb'),"
                + " ('environ', 'rb'), ('maps', 'rb')))",
            "EACCES EACCES EACCES EACCES EACCES"),
        Hostile.python(
                "modules that shadow the worker's",
                "import json, select\nprint(json.x)",
                prints("7"))
            .file("json.py", "x = 7")
            .file("select.py", "raise SystemExit(9)"),
        Hostile.python(
            "the worker's code in its own process",
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
            """,
            r -> {
              assertThat(r.at("/status").asText()).isEqualTo("Success");
              assertThat(r.at("/run_result/stdout").asText()).contains("nnnn", "forged");
              assertThat(r.at("/run_result/execution_time").asDouble()).isPositive();
            }),
        Hostile.python(
            "an exit before the end",
            "import os\nprint('a', flush=True)\nos._exit(0)\nprint('b')",
            prints("a")),
        Hostile.bash(
            "links to its own script",
            "ln /tmp/main.sh hard && mv hard /tmp/main.sh && ln -sf /etc/passwd /tmp/main.sh; echo ok",
            prints("ok")),
        Hostile.python(
            "a changed script",
            "import os\nos.remove('/tmp/main.py'); os.symlink('/etc/passwd', '/tmp/main.py'); 1/0",
            r -> assertThat(r.at("/run_result/stderr").asText()).contains("ZeroDivisionError")));
  }

  private static Hostile tries(String name, String expression, String outcome) {
    return Hostile.python(name, TRIED + "print(" + expression + ")", prints(outcome));
  }

  private static Consumer<JsonNode> prints(String stdout) {
    return response -> {
      assertThat(response.at("/run_result/stdout").asText())
          .as(response.toString())
          .isEqualTo(stdout + "\n");
      assertThat(response.at("/status").asText()).isEqualTo("Success");
    };
  }
}
