package dev.turnstone.sandbox;

import java.io.EOFException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/// One jailed worker process that waits for its one program.
///
/// Closing it kills everything in it, at once and whatever state it is in.
final class Jail implements AutoCloseable {
  /// The jail failed before its program started: nothing of the program has run.
  static final class JailLost extends Exception {
    private static final long serialVersionUID = 1;

    JailLost(String message, Throwable cause) {
      super(message, cause);
    }
  }

  private static final Duration READY = Duration.ofSeconds(20);
  private static final Duration DEATH = Duration.ofSeconds(5);

  private final Process process;
  private final WorkerChannel channel;

  private Jail(Process process) {
    this.process = process;
    this.channel = new WorkerChannel(process.getInputStream(), process.getOutputStream());
  }

  /// Starts a jail and waits until its worker is ready.
  static Jail start(Spawner spawner, JailCommand command) throws JailLost, InterruptedException {
    Jail jail;
    try {
      jail = new Jail(spawner.start(command.next()));
    } catch (IOException e) {
      throw new JailLost(String.valueOf(e.getMessage()), e);
    }
    try {
      jail.within(READY, jail.channel::awaitReady);
      return jail;
    } catch (IOException e) {
      String words = jail.lastWords();
      jail.close();
      throw new JailLost(words, e);
    } catch (TimeoutException e) {
      jail.close();
      throw new JailLost("a jail was not ready after " + READY.toSeconds() + " s", e);
    } catch (InterruptedException e) {
      jail.close();
      throw e;
    }
  }

  /// Runs the program to its end or its limit. Once only. Interrupting the caller kills the jail.
  RunResponse run(RunRequest request) throws JailLost, InterruptedException {
    Optional<String> refusal;
    try {
      refusal = within(Limits.SETUP, () -> channel.begin(request));
    } catch (IOException | TimeoutException e) {
      throw new JailLost("a jail was lost before its program started", e);
    }
    if (refusal.isPresent()) return RunResponse.sandboxError(refusal.get());
    long started = System.nanoTime();
    try {
      return within(request.runTimeout().plus(Limits.COLLECT), () -> channel.result(request));
    } catch (TimeoutException e) {
      double seconds = (System.nanoTime() - started) / 1e9;
      return new RunResponse("", Optional.of(unanswered(seconds)), Map.of());
    } catch (EOFException e) {
      return RunResponse.sandboxError(
          "the jail was killed from outside while the program ran, most likely by the kernel's"
              + " out-of-memory killer");
    } catch (IOException e) {
      return RunResponse.sandboxError("the jail did not answer as it should: " + e.getMessage());
    }
  }

  /// The program kept even its worker from answering in time.
  private static CommandResult unanswered(double seconds) {
    return new CommandResult(
        CommandResult.Status.TIME_LIMIT_EXCEEDED, seconds, OptionalInt.empty(), "", "");
  }

  boolean alive() {
    return process.isAlive();
  }

  /// The outermost process, outside the jail's namespaces.
  ProcessHandle outermost() {
    return process.toHandle();
  }

  /// Does one blocking exchange on another thread, so that time and interrupts can end it.
  private <T> T within(Duration limit, Callable<T> exchange)
      throws IOException, InterruptedException, TimeoutException {
    FutureTask<T> task = new FutureTask<>(exchange);
    Thread thread = Thread.ofVirtual().name("jail-" + process.pid()).start(task);
    try {
      return task.get(limit.toNanos(), TimeUnit.NANOSECONDS);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof IOException io) throw io;
      throw new IOException(e.getCause());
    } catch (TimeoutException | InterruptedException e) {
      Spawner.kill(process);
      thread.join(DEATH); // its pipes have ended
      throw e;
    }
  }

  /// What the jail's own programs said on standard error, once the jail has failed.
  private String lastWords() throws InterruptedException {
    Spawner.kill(process);
    process.waitFor(DEATH);
    try {
      byte[] words = process.getErrorStream().readNBytes(4096);
      String text = new String(words, StandardCharsets.UTF_8).strip();
      return text.isEmpty() ? "it was killed" : text;
    } catch (IOException e) {
      return "unknown: " + e.getMessage();
    }
  }

  @Override
  public void close() {
    Spawner.kill(process);
    try {
      process.getOutputStream().close();
      process.getInputStream().close();
      process.getErrorStream().close();
    } catch (IOException e) {
      // Unsent bytes for a process that is dead: nothing is lost.
    }
  }
}
