package dev.turnstone.trainerbridge.log;

import dev.turnstone.trainerbridge.log.Dialect.Failure;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;

/// A few reading connections to the log, lent one at a time. They see what is durable. One that
/// breaks is made again and its read repeated.
final class LogReaders implements AutoCloseable {
  private static final long PATIENCE_S = 60;
  private static final long PAUSE_MS = 200;

  private final Database database;
  private final BlockingQueue<Slot> free;
  private final int count;
  private volatile boolean closed;

  LogReaders(Database database, int count) throws SQLException {
    this.database = database;
    this.count = count;
    free = new ArrayBlockingQueue<>(count);
    for (int i = 0; i < count; i++) free.add(new Slot(Optional.of(database.open())));
  }

  /// Something read in one go.
  @FunctionalInterface
  interface Read<T> {
    T apply(Sql sql) throws SQLException;
  }

  /// A place for a connection, which may be broken.
  private record Slot(Optional<Sql> connection) {}

  /// Runs `read` on a connection of its own. Not interruptible: reads are short.
  <T> T read(Read<T> read) {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_S);
    while (true) {
      Optional<Sql> used = take(deadline).connection();
      try {
        if (used.isEmpty()) used = Optional.of(database.open());
        T result = read.apply(used.get());
        free.add(new Slot(used));
        return result;
      } catch (SQLException e) {
        boolean lost = database.dialect().failure(e) == Failure.LOST;
        if (lost) used = closed(used, e);
        free.add(new Slot(used));
        if (!lost || closed || System.nanoTime() >= deadline)
          throw new LogException("the trajectory log could not be read: " + e.getMessage(), e);
        pause();
      } catch (RuntimeException | Error e) {
        free.add(new Slot(used));
        throw e;
      }
    }
  }

  private static Optional<Sql> closed(Optional<Sql> broken, SQLException why) {
    broken.ifPresent(connection -> {
      try {
        connection.close();
      } catch (SQLException e) {
        why.addSuppressed(e);
      }
    });
    return Optional.empty();
  }

  private static void pause() {
    try {
      TimeUnit.MILLISECONDS.sleep(PAUSE_MS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new LogException("the trajectory log does not answer", e);
    }
  }

  private Slot take(long deadline) {
    boolean interrupted = false;
    try {
      while (true) {
        try {
          Slot slot = free.poll(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
          if (slot == null) throw new LogException("no reader of the trajectory log came free");
          return slot;
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    } finally {
      if (interrupted) Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() throws SQLException {
    closed = true;
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_S);
    List<Slot> taken = new ArrayList<>();
    for (int i = 0; i < count; i++) taken.add(take(deadline));
    for (Slot slot : taken) if (slot.connection().isPresent()) slot.connection().get().close();
  }
}
