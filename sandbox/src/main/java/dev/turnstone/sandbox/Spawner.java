package dev.turnstone.sandbox;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/// Starts every process of the sandbox on one thread, and kills what is left of them when closed.
///
/// One platform thread that lives as long as the service: a jail dies with its parent *thread*
/// (`PR_SET_PDEATHSIG`), so one that was started by a virtual or pooled thread would be killed when
/// that thread ends. It also makes sure that no jail outlives this process, however it dies.
final class Spawner implements AutoCloseable {
  private static final Duration START = Duration.ofSeconds(10);
  private static final Duration DEATH = Duration.ofSeconds(5);

  private record Order(List<String> command, CompletableFuture<Process> process) {}

  private final LinkedBlockingQueue<Order> orders = new LinkedBlockingQueue<>(256);
  private final Set<Process> living = ConcurrentHashMap.newKeySet();
  private final Thread thread;

  Spawner() {
    thread = Thread.ofPlatform().name("sandbox-spawner").daemon().start(this::work);
  }

  /// Starts a process with an empty environment and pipes for its streams.
  Process start(List<String> command) throws IOException, InterruptedException {
    Order order = new Order(command, new CompletableFuture<>());
    if (!thread.isAlive() || !orders.offer(order))
      throw new IOException("the sandbox is closed or starts too many processes at once");
    try {
      return order.process.get(START.toMillis(), TimeUnit.MILLISECONDS);
    } catch (ExecutionException e) {
      throw new IOException(e.getCause());
    } catch (TimeoutException e) {
      order.process.cancel(false);
      throw new IOException("no process could be started within " + START.toSeconds() + " s", e);
    }
  }

  private void work() {
    try {
      while (true) {
        Order order = orders.take();
        if (order.process.isCancelled()) continue;
        try {
          Process process = spawn(order.command);
          if (!order.process.complete(process)) kill(process);
        } catch (IOException e) {
          order.process.completeExceptionally(e);
        }
      }
    } catch (InterruptedException e) {
      // Closed.
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

  /// Kills a process; for a jail that is all of its processes. Leaves its pipes open.
  static void kill(Process process) {
    process.toHandle().destroyForcibly();
  }

  /// Kills all processes that were started here and waits for them.
  @Override
  public void close() throws SandboxException {
    thread.interrupt();
    try {
      thread.join(DEATH);
      for (Process process : living) kill(process);
      for (Process process : living)
        if (!process.waitFor(DEATH))
          throw new SandboxException("jail process " + process.pid() + " does not die: kill it");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
