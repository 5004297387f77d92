package dev.turnstone.trainerbridge.log;

import dev.turnstone.rollout.RolloutId;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/// The last records that this process wrote, unpacked: what is delivered soon after it finished is
/// not read back. Bounded by bytes; what was not asked for the longest goes first.
final class RecentRecords {
  private final long most;
  private final Map<RolloutId, byte[]> records = new LinkedHashMap<>(64, 0.75f, true);
  private long bytes;

  /// @param most bytes of records
  RecentRecords(long most) {
    this.most = most;
  }

  synchronized void put(RolloutId id, byte[] record) {
    if (record.length > most) return;
    byte[] older = records.put(id, record);
    bytes += record.length - (older == null ? 0 : older.length);
    Iterator<byte[]> oldest = records.values().iterator();
    while (bytes > most) {
      bytes -= oldest.next().length;
      oldest.remove();
    }
  }

  synchronized Optional<byte[]> find(RolloutId id) {
    return Optional.ofNullable(records.get(id));
  }
}
