package dev.turnstone.server.responses;

import java.util.LinkedHashMap;
import java.util.Optional;

/// Responses in memory: the least recently used go first when there are too many. They do not
/// outlive the process.
final class ResponseStore {
  private static final int MOST = 16_384;
  private static final long MOST_BYTES = 256L << 20;

  private final LinkedHashMap<String, Stored> all = new LinkedHashMap<>(16, 0.75f, true);
  private long bytes;

  synchronized void put(String id, Stored stored) {
    remove(id);
    all.put(id, stored);
    bytes += stored.weight();
    while (all.size() > MOST || bytes > MOST_BYTES) remove(all.firstEntry().getKey());
  }

  synchronized Optional<Stored> find(String id) {
    return Optional.ofNullable(all.get(id));
  }

  synchronized boolean remove(String id) {
    Stored gone = all.remove(id);
    if (gone == null) return false;
    bytes -= gone.weight();
    return true;
  }
}
