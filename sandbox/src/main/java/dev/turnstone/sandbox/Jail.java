package dev.turnstone.sandbox;

import java.io.Closeable;
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
/// It ends in one of two ways. Once it is ready its outermost process may be killed: the worker,
/// process 1 of the jail, has asked the kernel to die with it, and all other processes die with
/// process 1. Until then only its stdin may be closed, which makes the worker leave: bubblewrap's
/// inner process would wait for ever for an outer one that was killed while it set things up. The
/// end of this JVM, however it comes, closes stdin too.
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
    boolean ready = false;
    try {
      ready = jail.within(READY, jail.channel::awaitReady, jail::hangUp);
      return jail;
    } catch (IOException e) {
      throw new JailLost(jail.lastWords(), e);
    } catch (TimeoutException e) {
      throw new JailLost("a jail was not ready after " + READY.toSeconds() + " s", e);
    } finally {
      if (!ready) jail.closeStreams();
    }
  }

  /// Runs the program to its end or its limit. Once only. Interrupting the caller kills the jail.
  RunResponse run(RunRequest request) throws JailLost, InterruptedException {
    Optional<String> refusal;
    try {
      refusal = within(Limits.SETUP, () -> channel.begin(request), this::kill);
    } catch (IOException | TimeoutException e) {
      throw new JailLost("a jail was lost before its program started", e);
    }
    if (refusal.isPresent()) return RunResponse.sandboxError(refusal.get());
    long started = System.nanoTime();
    try {
      return within(
          request.runTimeout().plus(Limits.COLLECT), () -> channel.result(request), this::kill);
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
  ///
  /// @param giveUp makes the other side end its stream
  private <T> T within(Duration limit, Callable<T> exchange, Runnable giveUp)
      throws IOException, InterruptedException, TimeoutException {
    FutureTask<T> task = new FutureTask<>(exchange);
    Thread thread = Thread.ofVirtual().name("jail-" + process.pid()).start(task);
    try {
      return task.get(limit.toNanos(), TimeUnit.NANOSECONDS);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof IOException io) throw io;
      throw new IOException(e.getCause());
    } catch (TimeoutException | InterruptedException e) {
      giveUp.run();
      thread.join(DEATH);
      throw e;
    }
  }

  /// What the jail's own programs said on standard error when they did not come to be ready.
  private String lastWords() throws InterruptedException {
    hangUp();
    if (!process.waitFor(DEATH)) return "it is no worker and does not end";
    try {
      byte[] words = process.getErrorStream().readNBytes(4096);
      String text = new String(words, StandardCharsets.UTF_8).strip();
      return text.isEmpty() ? "it was killed" : text;
    } catch (IOException e) {
      return "unknown: " + e.getMessage();
    }
  }

  private void kill() {
    process.toHandle().destroyForcibly();
  }

  private void hangUp() {
    close(process.getOutputStream());
  }

  private void closeStreams() {
    hangUp();
    close(process.getInputStream());
    close(process.getErrorStream());
  }

  private static void close(Closeable stream) {
    try {
      stream.close();
    } catch (IOException e) {
      // Unsent bytes for a process that has ended: nothing is lost.
    }
  }

  @Override
  public void close() {
    kill();
    closeStreams();
  }
}
