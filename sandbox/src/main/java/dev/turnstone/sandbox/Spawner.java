package dev.turnstone.sandbox;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/// Starts the processes of jails and, when closed, sees to it that all have ended.
final class Spawner implements AutoCloseable {
  private static final Duration DEATH = Duration.ofSeconds(5);

  private final Set<Process> living = ConcurrentHashMap.newKeySet();

  /// Starts a process with an empty environment and pipes for its streams.
  Process start(List<String> command) throws IOException {
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().clear();
    Process process = builder.start();
    living.add(process);
    var _ = process.onExit().thenAccept(living::remove);
    return process;
  }

  /// Waits for the processes that their owners have ended, then kills what is left.
  @Override
  public void close() throws SandboxException {
    long deadline = System.nanoTime() + DEATH.toNanos();
    try {
      for (Process process : living) {
        if (process.waitFor(Duration.ofNanos(deadline - System.nanoTime()))) continue;
        process.toHandle().destroyForcibly();
        if (!process.waitFor(DEATH))
          throw new SandboxException("jail process " + process.pid() + " does not die: kill it");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
