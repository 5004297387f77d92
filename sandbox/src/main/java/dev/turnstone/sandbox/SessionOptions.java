package dev.turnstone.sandbox;

import dev.turnstone.sandbox.egress.AllowList;
import dev.turnstone.sandbox.jail.Limits;
import java.time.Duration;
import java.util.Map;

/// What a session shall be.
///
/// @param ttl how long it lives at most
/// @param idle how long it lives without a call
/// @param memoryMb what all its processes may hold together, in MiB
/// @param environment variables that commands and shells find
/// @param network the hosts that its programs may reach
/// @param queueWait how long a call may wait for the one before it
record SessionOptions(
    Duration ttl,
    Duration idle,
    int memoryMb,
    Map<String, String> environment,
    AllowList network,
    Duration queueWait) {
  static final Duration TTL = Duration.ofHours(1);
  static final Duration MAX_TTL = Duration.ofHours(24);
  static final Duration IDLE = Duration.ofMinutes(15);

  static SessionOptions defaults(Duration queueWait) {
    return new SessionOptions(
        TTL, IDLE, Limits.SESSION_MEMORY_MB, Map.of(), AllowList.NONE, queueWait);
  }

  SessionOptions with(AllowList other) {
    return new SessionOptions(ttl, idle, memoryMb, environment, other, queueWait);
  }
}
