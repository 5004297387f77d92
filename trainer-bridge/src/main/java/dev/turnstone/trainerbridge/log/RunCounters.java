package dev.turnstone.trainerbridge.log;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// What a run's groups and rollouts come to, counted by state, reason and length.
public final class RunCounters {
  private final LogReaders readers;

  RunCounters(LogReaders readers) {
    this.readers = readers;
  }

  /// Counts of groups and rollouts, by name.
  public Map<String, Long> of(String run) {
    Map<String, Long> counters = new LinkedHashMap<>();
    List<String> queries = new ArrayList<>();
    queries.add("select 'groups_' || state, count(*) from groups where run = ? group by state");
    queries.add(
        "select 'dropped_' || reason, count(*) from groups where run = ? and reason != ''"
            + " group by reason");
    // Buckets by length show whether the long rollouts are the ones that are lost.
    queries.add(
        "select 'dropped_length_' || case when length <= 1024 then '1k' when length <= 4096 then"
            + " '4k' when length <= 16384 then '16k' when length <= 65536 then '64k' else 'longer'"
            + " end as bucket, count(*) from groups where run = ? and reason != ''"
            + " group by bucket");
    queries.add("select 'rollouts_' || state, count(*) from rollouts where run = ? group by state");
    queries.add(
        "select 'stop_' || stop, count(*) from rollouts where run = ? and stop != ''"
            + " group by stop");
    queries.add("select 'quarantined', count(*) from quarantine where run = ?");
    queries.add(
        "select 'generated_tokens', coalesce(sum(generated_tokens), 0) from rollouts"
            + " where run = ?");
    readers.read(sql -> {
      for (String query : queries)
        sql.query(row -> counters.put(row.getString(1), row.getLong(2)), query, run);
      return counters;
    });
    return counters;
  }
}
