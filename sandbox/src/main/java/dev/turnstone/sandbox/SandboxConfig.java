package dev.turnstone.sandbox;

import java.time.Duration;

/// How a sandbox serves.
///
/// @param host a loopback name or address
/// @param port 0 picks a free one
/// @param concurrency programs that run at once, at least 1
/// @param warm virgin jails kept ready, at least 1
/// @param maxWaiting requests that may wait for a free place, at least 0; the next is answered 504
/// @param queueWait how long a request may wait; then it is answered 504, which RL clients retry
/// @param firstUid start of the range of 500 user ids that jails run under when the service is root
public record SandboxConfig(
    String host,
    int port,
    int concurrency,
    int warm,
    int maxWaiting,
    Duration queueWait,
    int firstUid) {
  static final int UIDS = 500;

  public SandboxConfig {
    if (port < 0 || port > 65535)
      throw new IllegalArgumentException("port is not in [0, 65535]: " + port);
    if (concurrency < 1) throw new IllegalArgumentException("concurrency < 1: " + concurrency);
    if (warm < 1) throw new IllegalArgumentException("warm < 1: " + warm);
    if (maxWaiting < 0) throw new IllegalArgumentException("max_waiting < 0: " + maxWaiting);
    if (queueWait.isNegative())
      throw new IllegalArgumentException("queue_wait is negative: " + queueWait);
    if (firstUid < 1) throw new IllegalArgumentException("first_uid < 1: " + firstUid);
  }

  /// On a port of this machine, sized to its cores.
  public static SandboxConfig of(String host, int port) {
    int cores = Runtime.getRuntime().availableProcessors();
    return new SandboxConfig(
        host, port, 2 * cores, Math.clamp(8L * cores, 8, 64), 1024, Duration.ofSeconds(8), 64_000);
  }
}
