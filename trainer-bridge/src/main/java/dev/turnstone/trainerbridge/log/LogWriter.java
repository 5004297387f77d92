package dev.turnstone.trainerbridge.log;

import dev.turnstone.trainerbridge.log.Dialect.Failure;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/// Writes to the log, many at a time: one thread owns the writing connection, runs every waiting
/// write in one transaction and answers them after one fsync.
///
/// A write that fails is rolled back alone. A connection that breaks is made again and the
/// transaction repeated, unless it had been committed, which a numbered row in the same transaction
/// tells: each write happens once or, after [#PERSISTENCE_S], is said to have failed. Writers wait
/// without being interruptible, because what they keep in memory must agree with what became
/// durable.
final class LogWriter implements AutoCloseable {
  private static final int WAITING = 4096;
  private static final int TOGETHER = 256;
  private static final long PATIENCE_S = 120;

  /// How long a transaction is tried again while the database is gone; below [#PATIENCE_S], so that
  /// nobody gives up on a write that still happens.
  private static final long PERSISTENCE_S = 90;

  private static final long PAUSE_MS = 200;

  private final Database database;
  private final LogHealth health;
  private final BlockingQueue<Job<?>> waiting = new ArrayBlockingQueue<>(WAITING);
  private final Thread thread;
  private volatile boolean closed;

  // Of the log's thread.
  private Optional<Sql> connection;
  private long number;

  LogWriter(Database database, LogHealth health) throws SQLException {
    this.database = database;
    this.health = health;
    connection = Optional.of(connect());
    // A platform thread: native calls would pin a virtual one.
    thread = Thread.ofPlatform().name("trajectory-log").daemon().start(this::work);
  }

  /// Changes made by one caller, together. It may be run again if the transaction is repeated.
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
          if (closed && !job.queued) throw new LogException("the trajectory log is closed");
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
      throw e.getCause() instanceof LogException known
          ? new LogException(String.valueOf(known.getMessage()), known)
          : new LogException("the trajectory log failed: " + e.getCause(), e);
    } catch (TimeoutException e) {
      throw new LogException("the trajectory log did not answer for " + PATIENCE_S + " s", e);
    } finally {
      if (interrupted) Thread.currentThread().interrupt();
    }
  }

  private Sql connect() throws SQLException {
    Sql fresh = database.open();
    fresh.connection().setAutoCommit(false);
    return fresh;
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
        commit(List.copyOf(batch));
        batch.clear();
      }
    } catch (InterruptedException e) {
      fail(batch, e);
    }
  }

  private void commit(List<Job<?>> batch) throws InterruptedException {
    number++;
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PERSISTENCE_S);
    while (true) {
      try {
        if (connection.isPresent() || !committedBefore()) attempt(batch, connection.orElseThrow());
        health.well();
        batch.forEach(Job::answer);
        return;
      } catch (SQLException e) {
        Failure failure = database.dialect().failure(e);
        rollback(e);
        if (failure == Failure.LOST) lost(e);
        if (failure == Failure.FULL) takeBack(e);
        boolean again = failure == Failure.LOST || failure == Failure.CONFLICT;
        if (again && !closed && System.nanoTime() < deadline) {
          TimeUnit.MILLISECONDS.sleep(PAUSE_MS);
          continue;
        }
        // Alone, so that one write's failure is not its neighbours'.
        if (!again && batch.size() > 1) {
          for (Job<?> job : batch) commit(List.of(job));
          return;
        }
        if (failure == Failure.FULL) health.full("no room on the disk: " + e.getMessage());
        fail(batch, e);
        return;
      }
    }
  }

  private void attempt(List<Job<?>> batch, Sql on) throws SQLException {
    for (Job<?> job : batch) job.run(on, database.dialect());
    if (database.dialect() == Dialect.POSTGRESQL)
      on.update(
          "insert into servers (server, batch) values (?, ?)"
              + " on conflict (server) do update set batch = excluded.batch",
          database.server(),
          number);
    if (database.records().isPresent()) database.records().get().sync();
    on.connection().commit();
    database.records().ifPresent(RecordFiles::keep);
  }

  /// Connects again.
  ///
  /// @return whether the transaction on which the connection broke had been committed
  private boolean committedBefore() throws SQLException {
    Sql fresh = connect();
    connection = Optional.of(fresh);
    List<Long> last =
        fresh.query(
            row -> row.getLong(1), "select batch from servers where server = ?", database.server());
    fresh.connection().commit();
    return last.contains(number);
  }

  private void lost(SQLException e) {
    health.failed("%s does not answer: %s".formatted(database.name(), e.getMessage()));
    connection.ifPresent(broken -> {
      try {
        broken.close();
      } catch (SQLException again) {
        e.addSuppressed(again);
      }
    });
    connection = Optional.empty();
  }

  private void takeBack(SQLException cause) {
    if (database.records().isEmpty()) return;
    try {
      database.records().get().takeBack();
    } catch (SQLException e) {
      cause.addSuppressed(e);
    }
  }

  /// SQLite rolls back by itself when its disk is full, and its driver does not know.
  private void rollback(Exception cause) {
    if (connection.isEmpty()) return;
    try {
      connection.get().connection().rollback();
    } catch (SQLException e) {
      cause.addSuppressed(e);
      if (database.dialect() == Dialect.SQLITE) begin(cause);
    }
  }

  private void begin(Exception cause) {
    try (Statement statement = connection.orElseThrow().connection().createStatement()) {
      statement.execute("begin");
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
    if (connection.isPresent()) connection.get().close();
    if (database.records().isPresent()) database.records().get().close();
    if (interrupted) Thread.currentThread().interrupt();
  }

  /// One caller's write on its way. `queued` belongs to the caller, the rest to the log's thread.
  private static final class Job<T> {
    private final Write<T> write;
    private final CompletableFuture<T> done;
    private final List<T> result = new ArrayList<>(1);
    private Optional<Throwable> failure = Optional.empty();
    private boolean queued;

    Job(Write<T> write, CompletableFuture<T> done) {
      this.write = write;
      this.done = done;
    }

    /// @throws SQLException if the whole transaction is lost
    void run(Sql sql, Dialect dialect) throws SQLException {
      result.clear();
      failure = Optional.empty();
      sql.update("savepoint job");
      try {
        result.add(write.apply(sql));
        sql.update("release savepoint job");
      } catch (SQLException e) {
        if (dialect.failure(e) != Failure.OTHER) throw e;
        undo(sql, e);
      } catch (RuntimeException | Error e) {
        // Even an error must be answered: its caller waits, and so do those behind it.
        undo(sql, e);
      }
    }

    private void undo(Sql sql, Throwable cause) throws SQLException {
      sql.update("rollback to savepoint job");
      sql.update("release savepoint job");
      failure = Optional.of(cause);
    }

    void answer() {
      failure.ifPresent(done::completeExceptionally);
      if (!result.isEmpty()) done.complete(result.getFirst());
    }
  }
}
