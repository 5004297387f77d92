package dev.turnstone.sandbox;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.turnstone.sandbox.Jail.JailLost;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/// Tries to break out of a jail before anyone else may: the sandbox serves only if all of it fails.
final class SelfTest {
  private static final String HOW_TO_ISOLATE =
      " Jails need bubblewrap 0.8 or newer and unprivileged user namespaces: set sysctl"
          + " kernel.unprivileged_userns_clone=1 (on Ubuntu"
          + " kernel.apparmor_restrict_unprivileged_userns=0), and start a container with"
          + " --security-opt seccomp=unconfined --security-opt systempaths=unconfined.";

  private final Spawner spawner;
  private final JailCommand command;

  SelfTest(Spawner spawner, JailCommand command) {
    this.spawner = spawner;
    this.command = command;
  }

  void run() throws SandboxException {
    try {
      try (Jail jail = Jail.start(spawner, command)) {
        neverRoot(jail.outermost());
        cannotBreakOut(jail);
      }
      diesAsAWhole();
    } catch (JailLost e) {
      throw new SandboxException(
          "the sandbox cannot start a jail: " + e.getMessage() + "." + HOW_TO_ISOLATE, e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new SandboxException("the sandbox was stopped during its self-test", e);
    }
  }

  /// Root's file rights would reach into the host through /proc, whatever uid the jail shows.
  private static void neverRoot(ProcessHandle jail) throws SandboxException {
    try {
      List<String> uids =
          Files.readAllLines(Path.of("/proc/" + jail.pid() + "/status"), UTF_8).stream()
              .filter(line -> line.startsWith("Uid:"))
              .toList();
      if (uids.size() != 1 || List.of(uids.getFirst().split("\\s+")).contains("0"))
        throw new SandboxException(
            "the sandbox's self-test failed: a jail runs as root (%s)".formatted(uids));
    } catch (IOException e) {
      throw new SandboxException("the sandbox's self-test cannot see its jail: " + e, e);
    }
  }

  private static void cannotBreakOut(Jail jail)
      throws SandboxException, JailLost, InterruptedException {
    String program = new String(JailFolder.resource("selftest.py"), UTF_8);
    RunResponse response = jail.run(RunRequest.of(Language.PYTHON, program));
    String report =
        response.run().map(run -> run.stdout() + run.stderr()).orElse(response.message());
    if (!response.status().equals("Success") || !report.equals("isolated\n"))
      throw new SandboxException(
          "the sandbox's self-test failed, programs would not be isolated: "
              + report.strip().replace("\n", "; ")
              + ".");
  }

  private void diesAsAWhole() throws SandboxException, JailLost, InterruptedException {
    List<ProcessHandle> inside;
    try (Jail jail = Jail.start(spawner, command)) {
      inside = jail.outermost().descendants().toList();
    }
    CompletableFuture<?>[] deaths =
        inside.stream().map(ProcessHandle::onExit).toArray(CompletableFuture<?>[]::new);
    try {
      if (inside.isEmpty()) throw new SandboxException("the sandbox's self-test saw no worker");
      CompletableFuture.allOf(deaths).get(5, TimeUnit.SECONDS);
    } catch (ExecutionException | TimeoutException e) {
      throw new SandboxException(
          "the sandbox's self-test failed: processes outlived the jail that they were in", e);
    }
  }
}
