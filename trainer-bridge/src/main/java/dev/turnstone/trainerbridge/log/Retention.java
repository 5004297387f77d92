package dev.turnstone.trainerbridge.log;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/// Forgets token records that no trainer can ask for again: those of groups that two later
/// checkpoints cover, and those of cancelled runs. What is not committed is never forgotten,
/// whatever it weighs. Rewards, stops and figures of a rollout stay.
public final class Retention {
  private static final int TOGETHER = 500;

  /// Rollouts whose group lies before the first seq that is kept for redelivery.
  private static final String FORGETTABLE =
      " from rollouts o join groups g on g.run = o.run and g.name = o.group_name"
          + " join runs r on r.run = o.run where o.bytes > 0"
          + " and (r.phase = 'cancelled' or (g.seq is not null and g.seq < r.kept_from))";

  private final Database database;
  private final LogWriter writer;
  private final LogReaders readers;

  Retention(Database database, LogWriter writer, LogReaders readers) {
    this.database = database;
    this.writer = writer;
    this.readers = readers;
  }

  /// How much may stay.
  ///
  /// @param bytes of records that may be forgotten, all runs together
  /// @param age after which a record that may be forgotten is
  public record Policy(long bytes, Duration age) {}

  private record Key(String run, String group, int index, int attempt, long bytes, long finished) {}

  /// Forgets what the policy does not keep, the oldest first.
  ///
  /// @return records forgotten
  public int sweep(Policy policy) {
    long over = bytes() - policy.bytes();
    List<Key> going = new ArrayList<>();
    long before = now() - policy.age().toMillis();
    for (Key key : oldest()) {
      if (over <= 0 && key.finished() >= before) break;
      over -= key.bytes();
      going.add(key);
    }
    if (going.isEmpty()) return 0;
    int forgotten = forget(going);
    database.records().ifPresent(this::deleteUnused);
    return forgotten;
  }

  /// After what forgets them is durable.
  private void deleteUnused(RecordFiles files) {
    writer.write(sql -> {
      files.retain(
          Set.copyOf(
              sql.query(
                  row -> row.getInt(1), "select distinct file from rollouts where file > 0")));
      return true;
    });
  }

  private int forget(List<Key> going) {
    return writer.write(sql -> {
      for (Key key : going)
        sql.update(
            "update rollouts set record = null, bytes = 0, file = 0 where run = ? and group_name ="
                + " ? and idx = ? and attempt = ?",
            key.run(),
            key.group(),
            key.index(),
            key.attempt());
      return going.size();
    });
  }

  /// Bytes of records that may be forgotten.
  public long bytes() {
    return readers
        .read(sql ->
            sql.query(row -> row.getLong(1), "select coalesce(sum(o.bytes), 0)" + FORGETTABLE))
        .getFirst();
  }

  private long now() {
    return readers
        .read(sql -> sql.query(row -> row.getLong(1), "select " + database.dialect().nowMillis()))
        .getFirst();
  }

  private List<Key> oldest() {
    return readers.read(sql ->
        sql.query(
            row ->
                new Key(
                    row.getString(1),
                    row.getString(2),
                    row.getInt(3),
                    row.getInt(4),
                    row.getLong(5),
                    row.getLong(6)),
            "select o.run, o.group_name, o.idx, o.attempt, o.bytes, o.finished_ms"
                + FORGETTABLE
                + " order by o.finished_ms limit "
                + TOGETHER));
  }
}
