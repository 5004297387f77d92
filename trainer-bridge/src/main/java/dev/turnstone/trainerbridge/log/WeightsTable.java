package dev.turnstone.trainerbridge.log;

import dev.turnstone.rollout.WeightsId;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/// The weights that were applied, in order.
public final class WeightsTable {
  private final LogWriter writer;
  private final LogReaders readers;

  WeightsTable(LogWriter writer, LogReaders readers) {
    this.writer = writer;
    this.readers = readers;
  }

  /// One update that was applied.
  ///
  /// @param owner run whose trainer sent them
  /// @param kind `full`, `lora` or `delta`
  /// @param probe JSON, if the update brought one
  public record Stored(
      WeightsId id, Path folder, Optional<String> owner, String kind, Optional<String> probe) {}

  /// Notes an update.
  ///
  /// @param kind `full`, `lora` or `delta`
  /// @param probe JSON of what the weights gave, if the update brought one
  public void applied(
      WeightsId id, Path folder, Optional<String> owner, String kind, Optional<String> probe) {
    writer.write(sql ->
        sql.update(
            "insert into weights (lineage, version, sha256, folder, run, kind, probe)"
                + " values (?, ?, ?, ?, ?, ?, ?)",
            id.lineage(),
            id.version(),
            id.sha256(),
            folder.toString(),
            owner.orElse(null),
            kind,
            probe.orElse(null)));
  }

  /// Where weights were kept that were applied once.
  public Optional<Stored> find(WeightsId id) {
    return read(
            "select * from weights where lineage = ? and version = ? and sha256 = ?"
                + " order by id desc limit 1",
            id.lineage(),
            id.version(),
            id.sha256())
        .stream()
        .findFirst();
  }

  /// The newest, which serve.
  public Optional<Stored> last() {
    return read("select * from weights order by id desc limit 1").stream().findFirst();
  }

  /// The newest of one lineage; no later update of it may be older.
  public Optional<Stored> newest(String lineage) {
    return read(
            "select * from weights where lineage = ? order by version desc, id desc limit 1",
            lineage)
        .stream()
        .findFirst();
  }

  private List<Stored> read(String query, Object... values) {
    return readers.read(sql ->
        sql.query(
            row ->
                new Stored(
                    new WeightsId(
                        row.getString("lineage"), row.getInt("version"), row.getString("sha256")),
                    Path.of(row.getString("folder")),
                    Optional.ofNullable(row.getString("run")),
                    row.getString("kind"),
                    Optional.ofNullable(row.getString("probe"))),
            query,
            values));
  }
}
