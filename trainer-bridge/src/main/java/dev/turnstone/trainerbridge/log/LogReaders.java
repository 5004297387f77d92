package dev.turnstone.trainerbridge.log;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;

/// A few reading connections to the log, lent one at a time. They see what is durable.
public final class LogReaders implements AutoCloseable {
  private static final long PATIENCE_S = 120;

  private final BlockingQueue<Sql> free;
  private final int count;

  LogReaders(List<Connection> connections) {
    count = connections.size();
    free = new ArrayBlockingQueue<>(count);
    connections.forEach(connection -> free.add(new Sql(connection)));
  }

  /// Something read in one go.
  @FunctionalInterface
  interface Read<T> {
    T apply(Sql sql) throws SQLException;
  }

  /// Runs `read` on a connection of its own. Not interruptible: reads are short.
  <T> T read(Read<T> read) {
    Sql sql = take();
    try {
      return read.apply(sql);
    } catch (SQLException e) {
      throw new LogException("the trajectory log could not be read: " + e.getMessage(), e);
    } finally {
      free.add(sql);
    }
  }

  private Sql take() {
    boolean interrupted = false;
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_S);
    try {
      while (true) {
        try {
          Sql sql = free.poll(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
          if (sql == null) throw new LogException("no reader of the trajectory log came free");
          return sql;
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
    List<Sql> taken = new ArrayList<>();
    for (int i = 0; i < count; i++) taken.add(take());
    for (Sql sql : taken) sql.connection().close();
  }
}
