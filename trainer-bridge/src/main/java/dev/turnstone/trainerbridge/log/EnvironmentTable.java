package dev.turnstone.trainerbridge.log;

import dev.turnstone.rollout.Json;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/// The environments that clients registered, as the JSON they sent.
public final class EnvironmentTable {
  private final LogWriter writer;
  private final LogReaders readers;

  EnvironmentTable(LogWriter writer, LogReaders readers) {
    this.writer = writer;
    this.readers = readers;
  }

  /// Stores an environment unless one of its name is there.
  ///
  /// @return the one that is there now
  public Json insert(String environment, Json spec) {
    return writer.write(sql -> {
      sql.update(
          "insert into environments (environment, spec) values (?, ?)"
              + " on conflict (environment) do nothing",
          environment,
          spec.text());
      return new Json(
          sql.query(
                  row -> row.getString(1),
                  "select spec from environments where environment = ?",
                  environment)
              .getFirst());
    });
  }

  /// Stores an environment; an older one of the same name is replaced.
  public void put(String environment, Json spec) {
    writer.write(sql ->
        sql.update(
            "insert into environments (environment, spec) values (?, ?)"
                + " on conflict (environment) do update set spec = excluded.spec",
            environment,
            spec.text()));
  }

  public Optional<Json> find(String environment) {
    return Optional.ofNullable(all().get(environment));
  }

  /// All of them, by name.
  public Map<String, Json> all() {
    Map<String, Json> all = new LinkedHashMap<>();
    readers.read(sql ->
        sql.query(
            row -> all.put(row.getString(1), new Json(row.getString(2))),
            "select environment, spec from environments order by environment"));
    return all;
  }

  /// Forgets an environment and says whether there was one.
  public boolean delete(String environment) {
    return writer.write(
            sql -> sql.update("delete from environments where environment = ?", environment))
        > 0;
  }
}
