package dev.turnstone.sandbox;

import dev.turnstone.sandbox.egress.AllowList;
import dev.turnstone.sandbox.jail.HostTools;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/// How a sandbox serves.
///
/// @param host a loopback name or address
/// @param port 0 picks a free one
/// @param isolation what programs are held by
/// @param concurrency programs that run at once, at least 1
/// @param warm virgin jails kept ready, at least 1
/// @param maxWaiting requests that may wait for a free place, at least 0; the next is answered 504
/// @param queueWait how long a request may wait; then it is answered 504, which RL clients retry
/// @param maxSessions sessions that may be open at once; the next is answered 503
/// @param selfTestEvery time between two self-tests while serving
/// @param mounts more folders of the host that jails may read, such as those of toolchains
/// @param network the hosts that programs may be let out to if their request asks for it
/// @param firstUid start of the range of user ids that jails run under when the service is root
public record SandboxConfig(
    String host,
    int port,
    Isolation isolation,
    int concurrency,
    int warm,
    int maxWaiting,
    Duration queueWait,
    int maxSessions,
    Duration selfTestEvery,
    List<Path> mounts,
    AllowList network,
    int firstUid) {
  static final int UIDS = HostTools.UIDS;

  public SandboxConfig {
    if (port < 0 || port > 65535)
      throw new IllegalArgumentException("port is not in [0, 65535]: " + port);
    if (concurrency < 1) throw new IllegalArgumentException("concurrency < 1: " + concurrency);
    if (warm < 1) throw new IllegalArgumentException("warm < 1: " + warm);
    if (maxWaiting < 0) throw new IllegalArgumentException("max_waiting < 0: " + maxWaiting);
    if (queueWait.isNegative())
      throw new IllegalArgumentException("queue_wait is negative: " + queueWait);
    if (maxSessions < 0) throw new IllegalArgumentException("max_sessions < 0: " + maxSessions);
    if (!selfTestEvery.isPositive())
      throw new IllegalArgumentException("self_test_every is not positive: " + selfTestEvery);
    if (firstUid < 1) throw new IllegalArgumentException("first_uid < 1: " + firstUid);
    if (!network.isEmpty() && isolation != Isolation.BUBBLEWRAP)
      throw new IllegalArgumentException("network lists need --isolation bubblewrap");
    mounts = List.copyOf(mounts);
  }

  /// On a port of this machine, sized to its cores.
  public static SandboxConfig of(String host, int port) {
    int cores = Runtime.getRuntime().availableProcessors();
    return new SandboxConfig(
        host,
        port,
        Isolation.BUBBLEWRAP,
        2 * cores,
        Math.clamp(4L * cores, 8, 64),
        4096,
        Duration.ofMillis(7500),
        2000,
        Duration.ofMinutes(5),
        List.of(),
        AllowList.NONE,
        64_000);
  }

  public SandboxConfig with(Isolation other) {
    return copy(other, concurrency, maxSessions, mounts, network);
  }

  public SandboxConfig with(List<Path> otherMounts) {
    return copy(isolation, concurrency, maxSessions, otherMounts, network);
  }

  public SandboxConfig with(AllowList other) {
    return copy(isolation, concurrency, maxSessions, mounts, other);
  }

  public SandboxConfig withConcurrency(int other) {
    return copy(isolation, other, maxSessions, mounts, network);
  }

  public SandboxConfig withMaxSessions(int other) {
    return copy(isolation, concurrency, other, mounts, network);
  }

  private SandboxConfig copy(
      Isolation isolation, int concurrency, int maxSessions, List<Path> mounts, AllowList network) {
    return new SandboxConfig(
        host,
        port,
        isolation,
        concurrency,
        warm,
        maxWaiting,
        queueWait,
        maxSessions,
        selfTestEvery,
        mounts,
        network,
        firstUid);
  }
}
