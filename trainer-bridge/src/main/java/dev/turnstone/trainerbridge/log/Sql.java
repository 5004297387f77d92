package dev.turnstone.trainerbridge.log;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Statements on one connection, each prepared once. The log's SQL is written where it is used.
/// Used by one thread at a time.
public final class Sql implements AutoCloseable {
  private static final int KEPT = 128;

  private final Connection connection;
  private final LinkedHashMap<String, PreparedStatement> prepared =
      new LinkedHashMap<>(64, 0.75f, true);

  Sql(Connection connection) {
    this.connection = connection;
  }

  /// One row of a result.
  @FunctionalInterface
  interface Reader<T> {
    T read(ResultSet row) throws SQLException;
  }

  Connection connection() {
    return connection;
  }

  public int update(String sql, @Nullable Object... values) throws SQLException {
    return prepare(sql, values).executeUpdate();
  }

  public <T> List<T> query(Reader<T> reader, String sql, @Nullable Object... values)
      throws SQLException {
    List<T> rows = new ArrayList<>();
    try (ResultSet result = prepare(sql, values).executeQuery()) {
      while (result.next()) rows.add(reader.read(result));
    }
    return rows;
  }

  private PreparedStatement prepare(String sql, @Nullable Object... values) throws SQLException {
    PreparedStatement statement = prepared.get(sql);
    if (statement == null) {
      statement = connection.prepareStatement(sql);
      prepared.put(sql, statement);
      if (prepared.size() > KEPT) prepared.pollFirstEntry().getValue().close();
    }
    for (int i = 0; i < values.length; i++) statement.setObject(i + 1, values[i]);
    return statement;
  }

  /// Closes the connection, and with it the statements.
  @Override
  public void close() throws SQLException {
    connection.close();
  }
}
