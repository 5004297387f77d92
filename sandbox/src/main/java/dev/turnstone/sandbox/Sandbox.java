package dev.turnstone.sandbox;

import dev.turnstone.sandbox.Jail.JailLost;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/// Runs programs in jails: waits for a place, takes a virgin jail, runs, kills it.
final class Sandbox implements AutoCloseable {
  /// No place became free in time; the client should come again.
  static final class SandboxBusy extends Exception {
    private static final long serialVersionUID = 1;

    SandboxBusy(String message) {
      super(message);
    }
  }

  private final SandboxConfig config;
  private final JailFolder folder;
  private final Spawner spawner;
  private final JailPool pool;
  private final Semaphore places;
  private final AtomicInteger waiting = new AtomicInteger();

  private Sandbox(SandboxConfig config, JailFolder folder, Spawner spawner, JailCommand command) {
    this.config = config;
    this.folder = folder;
    this.spawner = spawner;
    this.pool = new JailPool(spawner, command, config.warm());
    this.places = new Semaphore(config.concurrency(), true);
  }

  /// Opens a sandbox once its jails have passed their self-test on this machine.
  static Sandbox open(SandboxConfig config) throws SandboxException {
    HostTools tools = HostTools.find();
    JailFolder folder = JailFolder.create();
    Spawner spawner = new Spawner();
    JailCommand command = new JailCommand(tools, folder, config.firstUid());
    try {
      new SelfTest(spawner, command).run();
    } catch (SandboxException e) {
      spawner.close();
      folder.close();
      throw e;
    }
    return new Sandbox(config, folder, spawner, command);
  }

  /// Runs one program. Blocks; interrupting the caller kills the program.
  RunResponse run(RunRequest request) throws SandboxBusy, InterruptedException {
    long deadline = System.nanoTime() + config.queueWait().toNanos();
    takePlace();
    try {
      Duration left = Duration.ofNanos(Math.max(deadline - System.nanoTime(), 1_000_000_000L));
      try {
        return runInJail(request, left);
      } catch (JailLost first) {
        return runInJail(request, left);
      }
    } catch (JailLost second) {
      return RunResponse.sandboxError(
          "two jails in a row were lost before the program started, the machine may be out of"
              + " memory");
    } finally {
      places.release();
    }
  }

  private void takePlace() throws SandboxBusy, InterruptedException {
    if (places.tryAcquire(0, TimeUnit.NANOSECONDS)) return; // timed: never ahead of the queue
    try {
      if (waiting.incrementAndGet() > config.maxWaiting())
        throw new SandboxBusy("%d programs wait already".formatted(config.maxWaiting()));
      if (!places.tryAcquire(config.queueWait().toNanos(), TimeUnit.NANOSECONDS))
        throw new SandboxBusy(
            "all %d places stayed busy for %s s"
                .formatted(config.concurrency(), config.queueWait().toMillis() / 1e3));
    } finally {
      waiting.decrementAndGet();
    }
  }

  private RunResponse runInJail(RunRequest request, Duration wait)
      throws SandboxBusy, JailLost, InterruptedException {
    Optional<Jail> taken = pool.take(wait);
    if (taken.isEmpty()) throw new SandboxBusy("no jail became ready, see the sandbox's log");
    try (Jail jail = taken.get()) {
      return jail.run(request);
    }
  }

  /// Kills all programs and jails.
  @Override
  public void close() throws SandboxException {
    pool.close();
    try {
      spawner.close();
    } finally {
      folder.close();
    }
  }
}
