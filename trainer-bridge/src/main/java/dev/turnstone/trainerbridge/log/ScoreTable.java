package dev.turnstone.trainerbridge.log;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.Reward;
import dev.turnstone.rollout.RolloutId;
import dev.turnstone.trainerbridge.json.JsonText;
import java.util.LinkedHashMap;
import java.util.Map;

/// Scores that stored rollouts were given later, by name, beside the reward that they were trained
/// with, which stays as it is.
public final class ScoreTable {
  private final Dialect dialect;
  private final LogWriter writer;

  ScoreTable(Dialect dialect, LogWriter writer) {
    this.dialect = dialect;
    this.writer = writer;
  }

  /// Stores a score; an older one of the same name is replaced.
  public void put(RolloutId id, String name, Reward reward) {
    ObjectNode parts = JsonText.object();
    reward.parts().forEach(parts::put);
    writer.write(sql ->
        sql.update(
            "insert into scores (run, group_name, idx, attempt, name, reward, parts, scored_ms)"
                + " values (?, ?, ?, ?, ?, ?, ?, %s) on conflict (run, group_name, idx, attempt,"
                    .formatted(dialect.nowMillis())
                + " name) do update set reward = excluded.reward, parts = excluded.parts,"
                + " scored_ms = excluded.scored_ms",
            id.run(),
            id.group(),
            id.index(),
            id.attempt(),
            name,
            reward.value(),
            JsonText.write(parts)));
  }

  /// The scores of one rollout by name.
  static Map<String, Double> of(LogReaders readers, RolloutId id) {
    Map<String, Double> scores = new LinkedHashMap<>();
    readers.read(sql ->
        sql.query(
            row -> scores.put(row.getString(1), row.getDouble(2)),
            "select name, reward from scores where run = ? and group_name = ? and idx = ?"
                + " and attempt = ? order by name",
            id.run(),
            id.group(),
            id.index(),
            id.attempt()));
    return scores;
  }
}
