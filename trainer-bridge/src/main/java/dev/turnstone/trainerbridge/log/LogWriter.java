package dev.turnstone.trainerbridge.log;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/// Writes to the log, many at a time: one thread owns the writing connection, runs every waiting
/// write in one transaction and answers them after one fsync.
///
/// A write that fails is rolled back alone. Writers wait without being interruptible, because what
/// they keep in memory must agree with what became durable.
public final class LogWriter implements AutoCloseable {
  private static final int WAITING = 4096;
  private static final int TOGETHER = 256;
  private static final long PATIENCE_S = 120;

  private final Connection connection;
  private final BlockingQueue<Job<?>> waiting = new ArrayBlockingQueue<>(WAITING);
  private final Thread thread;
  private volatile boolean closed;

  LogWriter(Connection connection) throws SQLException {
    this.connection = connection;
    connection.setAutoCommit(false);
    // A platform thread: native calls would pin a virtual one.
    thread = Thread.ofPlatform().name("trajectory-log").daemon().start(this::work);
  }

  /// Changes made by one caller, together.
  @FunctionalInterface
  interface Write<T> {
    T apply(Sql sql) throws SQLException;
  }

  /// Runs `write` and returns when its changes are durable.
  <T> T write(Write<T> write) {
    Job<T> job = new Job<>(write, new CompletableFuture<>());
    boolean interrupted = false;
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_S);
    try {
      while (true) {
        try {
          long left = deadline - System.nanoTime();
          if (closed) throw new LogException("the trajectory log is closed");
          if (job.queued || waiting.offer(job, left, TimeUnit.NANOSECONDS)) {
            job.queued = true;
            return job.done.get(left, TimeUnit.NANOSECONDS);
          }
          throw new LogException("the trajectory log took no write for " + PATIENCE_S + " s");
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    } catch (ExecutionException e) {
      throw new LogException("the trajectory log failed: " + e.getCause(), e);
    } catch (TimeoutException e) {
      throw new LogException("the trajectory log did not answer for " + PATIENCE_S + " s", e);
    } finally {
      if (interrupted) Thread.currentThread().interrupt();
    }
  }

  private void work() {
    List<Job<?>> batch = new ArrayList<>();
    try {
      while (true) {
        Job<?> first = closed ? waiting.poll() : waiting.poll(1, TimeUnit.SECONDS);
        if (first == null && closed) return;
        if (first == null) continue;
        batch.add(first);
        waiting.drainTo(batch, TOGETHER - 1);
        commit(batch);
        batch.clear();
      }
    } catch (InterruptedException e) {
      fail(batch, e);
    }
  }

  private void commit(List<Job<?>> batch) {
    try {
      for (Job<?> job : batch) job.run(connection);
      connection.commit();
      batch.forEach(Job::answer);
    } catch (SQLException | RuntimeException e) {
      rollback(e);
      fail(batch, e);
    }
  }

  private void rollback(Exception cause) {
    try {
      connection.rollback();
    } catch (SQLException e) {
      cause.addSuppressed(e);
    }
  }

  private static void fail(List<Job<?>> batch, Exception cause) {
    batch.forEach(job -> job.done.completeExceptionally(cause));
  }

  @Override
  public void close() throws SQLException {
    closed = true;
    // Wakes the thread; if the queue is full it is awake.
    boolean _ = waiting.offer(new Job<>(sql -> true, new CompletableFuture<>()));
    boolean interrupted = false;
    try {
      thread.join(TimeUnit.SECONDS.toMillis(PATIENCE_S));
    } catch (InterruptedException e) {
      interrupted = true;
    }
    List<Job<?>> late = new ArrayList<>();
    waiting.drainTo(late);
    fail(late, new LogException("the trajectory log is closed"));
    connection.close();
    if (interrupted) Thread.currentThread().interrupt();
  }

  /// One caller's write on its way. `queued` belongs to the caller, the rest to the log's thread.
  private static final class Job<T> {
    private final Write<T> write;
    private final CompletableFuture<T> done;
    private final List<T> result = new ArrayList<>(1);
    private boolean queued;

    Job(Write<T> write, CompletableFuture<T> done) {
      this.write = write;
      this.done = done;
    }

    void run(Connection connection) throws SQLException {
      Sql sql = new Sql(connection);
      sql.update("savepoint job");
      try {
        result.add(write.apply(sql));
        sql.update("release job");
      } catch (SQLException | RuntimeException | Error e) {
        // Even an error must be answered: its caller waits, and so do those behind it.
        sql.update("rollback to job");
        sql.update("release job");
        done.completeExceptionally(e);
      }
    }

    void answer() {
      if (!result.isEmpty()) done.complete(result.getFirst());
    }
  }
}
