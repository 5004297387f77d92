package dev.turnstone.sandbox;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.sandbox.jail.Jail;
import dev.turnstone.sandbox.jail.JailFolder;
import dev.turnstone.sandbox.jail.JailLost;
import dev.turnstone.sandbox.jail.Jails;
import dev.turnstone.sandbox.jail.SandboxException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/// Tries to break out of a jail before anyone else may: the sandbox serves only while all of it
/// fails.
///
/// Most probes are in `selftest.py`; the others are whole programs whose end tells.
final class SelfTest {
  static final String HOW_TO_ISOLATE =
      " Jails need bubblewrap 0.8 or newer and unprivileged user namespaces: set sysctl"
          + " kernel.unprivileged_userns_clone=1 (on Ubuntu"
          + " kernel.apparmor_restrict_unprivileged_userns=0), and start a container with"
          + " --security-opt seccomp=unconfined --security-opt systempaths=unconfined. Where that"
          + " cannot be had, and the container itself may be the boundary, --isolation none serves"
          + " without jails.";

  /// What came of a test. Probes map to what they could do; those that held map to nothing.
  record Report(Instant at, Map<String, List<String>> probes) {
    boolean passed() {
      return probes.values().stream().allMatch(List::isEmpty);
    }

    /// All that was possible and should not have been.
    String failures() {
      return String.join("; ", probes.values().stream().flatMap(List::stream).toList());
    }

    ObjectNode json() {
      ObjectNode json = JsonNodeFactory.instance.objectNode();
      json.put("passed", passed()).put("at", at.toString());
      ObjectNode each = json.putObject("probes");
      probes.forEach(
          (name, did) -> each.put(name, did.isEmpty() ? "held" : String.join("; ", did)));
      return json;
    }
  }

  private final Jails jails;
  private final Languages languages;
  private final Isolation isolation;

  SelfTest(Jails jails, Languages languages, Isolation isolation) {
    this.jails = jails;
    this.languages = languages;
    this.isolation = isolation;
  }

  /// @throws SandboxException no jail could even be started
  Report run() throws SandboxException {
    Map<String, List<String>> probes = new LinkedHashMap<>();
    try {
      // Without jails there is nothing to escape from: that is what --isolation none means.
      if (isolation != Isolation.NONE) probes.putAll(escapes());
      probes.put("memory", memory());
      probes.put("time", time());
      probes.put("output", output());
      probes.put("death", death());
      return new Report(Instant.now(), probes);
    } catch (JailLost e) {
      String said = String.valueOf(e.getMessage());
      String why = said.endsWith(".") ? said : said + ".";
      throw new SandboxException("the sandbox cannot start a jail: " + why + HOW_TO_ISOLATE, e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new SandboxException("the sandbox was stopped during its self-test", e);
    }
  }

  private RunResponse run(RunRequest request) throws JailLost, InterruptedException {
    try (Jail jail = jails.open()) {
      return new ProgramRun(request, jail).run();
    }
  }

  private RunRequest python(String program) {
    return RunRequest.of(languages.python(), program);
  }

  /// `selftest.py` prints a line per probe: its name, a colon, and what it could do.
  private Map<String, List<String>> escapes() throws JailLost, InterruptedException {
    RunResponse response = run(python(new String(JailFolder.resource("agent/selftest.py"), UTF_8)));
    String report =
        response.run().map(run -> run.stdout() + run.stderr()).orElse(response.message());
    Map<String, List<String>> probes = new LinkedHashMap<>();
    if (!response.status().equals("Success") || !report.endsWith("done\n"))
      probes.put("probes", List.of("the probes did not run: " + report.strip()));
    for (String line : report.lines().filter(line -> line.contains(":")).toList()) {
      int colon = line.indexOf(':');
      List<String> did =
          Arrays.stream(line.substring(colon + 1).split(";"))
              .map(String::strip)
              .filter(s -> !s.isEmpty())
              .toList();
      probes.putIfAbsent(line.substring(0, colon), did);
    }
    return probes;
  }

  private List<String> memory() throws JailLost, InterruptedException {
    String bomb = "import os\nx = []\nwhile True: x.append(os.urandom(1 << 20))";
    RunResponse response = run(python(bomb).memory(64).within(Duration.ofSeconds(5)));
    boolean held =
        response
            .run()
            .map(run ->
                run.status() == CommandResult.Status.FINISHED && run.returnCode().orElse(0) != 0)
            .orElse(false);
    return held ? List.of() : List.of("hold more memory than its limit");
  }

  private List<String> time() throws JailLost, InterruptedException {
    String deaf =
        """
        import signal
        for s in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD}:
            signal.signal(s, signal.SIG_IGN)
        while True: pass
        """;
    RunResponse response = run(python(deaf).within(Duration.ofMillis(200)));
    boolean held =
        response
            .run()
            .map(run -> run.status() == CommandResult.Status.TIME_LIMIT_EXCEEDED)
            .orElse(false);
    return held ? List.of() : List.of("run longer than its limit");
  }

  private List<String> output() throws JailLost, InterruptedException {
    RunResponse response = run(python("print('x' * 149999)"));
    boolean whole =
        response
            .run()
            .map(run -> run.succeeded() && run.stdout().length() == 150_000)
            .orElse(false);
    return whole ? List.of() : List.of("lose output");
  }

  /// A jail's processes go with it, and none of them is root outside, whose file rights would reach
  /// into the host through /proc whatever uid the jail shows.
  private List<String> death() throws JailLost, InterruptedException {
    List<ProcessHandle> before = jailed();
    Jail jail = jails.open();
    List<ProcessHandle> inside = new ArrayList<>(jailed());
    inside.removeAll(before);
    boolean root = inside.stream().anyMatch(SelfTest::isRoot);
    jail.close();
    if (inside.isEmpty()) return List.of("hide its processes from us");
    if (root) return List.of("run as root");
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(5);
    while (inside.stream().anyMatch(ProcessHandle::isAlive)) {
      if (System.nanoTime() > deadline) return List.of("outlive its jail");
      Thread.sleep(1);
    }
    return List.of();
  }

  private static boolean isRoot(ProcessHandle process) {
    try {
      return Files.readAllLines(Path.of("/proc/" + process.pid() + "/status")).stream()
          .filter(line -> line.startsWith("Uid:"))
          .anyMatch(line -> List.of(line.split("\\s+")).contains("0"));
    } catch (IOException e) {
      return false; // It has ended.
    }
  }

  private static List<ProcessHandle> jailed() {
    return ProcessHandle.current().descendants().toList();
  }
}
