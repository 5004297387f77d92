package dev.turnstone.sandbox.jail;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;

/// Starts the processes of jails and, when closed, sees to it that all have ended.
///
/// All are started by one thread that lives as long as this: to the kernel a child's parent is the
/// thread that forked it, and what is asked to die with its parent would die with that thread.
public final class Spawner implements AutoCloseable {
  private static final Duration DEATH = Duration.ofSeconds(5);

  private final Set<Process> living = ConcurrentHashMap.newKeySet();
  private final ExecutorService thread =
      Executors.newSingleThreadExecutor(
          Thread.ofPlatform().daemon().name("sandbox-spawner").factory());

  /// Starts a process with an empty environment and pipes for its streams.
  Process start(List<String> command) throws IOException, InterruptedException {
    Future<Process> started;
    try {
      started = thread.submit(() -> spawn(command));
    } catch (RejectedExecutionException e) {
      throw new IOException("the sandbox is closing", e);
    }
    try {
      return started.get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof IOException io) throw io;
      throw new IllegalStateException(e.getCause());
    } catch (InterruptedException e) {
      var _ = thread.submit(() -> disown(started));
      throw e;
    }
  }

  private Process spawn(List<String> command) throws IOException {
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().clear();
    Process process = builder.start();
    living.add(process);
    var _ = process.onExit().thenAccept(living::remove);
    return process;
  }

  /// Ends a process whose caller did not wait for it: its stdin ends, and bubblewrap's child sees
  /// it.
  private static void disown(Future<Process> started) {
    try {
      started.get().getOutputStream().close();
    } catch (ExecutionException | InterruptedException | IOException e) {
      // It was never started, or has ended.
    }
  }

  /// Waits for the processes that their owners have ended, then kills what is left.
  @Override
  public void close() throws SandboxException {
    thread.shutdown();
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
