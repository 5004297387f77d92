package dev.turnstone.sandbox;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;
import java.util.stream.Stream;

/// The processes of a sandbox's jails as the host sees them in /proc.
final class JailedProcesses {
  private record Jailed(long pid, int uid, List<String> pids, String name) {
    boolean isIn(SandboxConfig config) {
      boolean ownRange = uid >= config.firstUid() && uid < config.firstUid() + SandboxConfig.UIDS;
      return pids.size() > 1 && (ownRange || !runsAsRoot());
    }

    /// The host's namespace, the zygote's, the jail's.
    boolean isInJail() {
      return pids.size() == 3;
    }

    boolean isWorker() {
      return isInJail() && pids.getLast().equals("1");
    }

    /// Waits for a program that it shall become.
    boolean isAhead() {
      return isInJail() && name.equals("ahead");
    }
  }

  private JailedProcesses() {}

  /// Everything in a jail that is not of ours.
  static List<String> ofPrograms(SandboxConfig config) {
    return those(jailed ->
            jailed.isIn(config) && jailed.isInJail() && !jailed.isWorker() && !jailed.isAhead())
        .stream()
        .map(Jailed::toString)
        .toList();
  }

  /// The process that forks jails, where there is one.
  static Optional<Long> zygote(SandboxConfig config) {
    return those(jailed -> jailed.isIn(config) && jailed.pids.size() == 2).stream()
        .map(Jailed::pid)
        .findFirst();
  }

  /// All of the sandbox's users, in whatever namespace.
  static List<String> ofUsers(SandboxConfig config) {
    int last = config.firstUid() + SandboxConfig.UIDS;
    return those(jailed -> jailed.uid >= config.firstUid() && jailed.uid < last).stream()
        .map(Jailed::toString)
        .toList();
  }

  static List<String> all(SandboxConfig config) {
    return those(jailed -> jailed.isIn(config)).stream().map(Jailed::toString).toList();
  }

  /// Kills all workers, as the kernel might when memory runs out.
  static void killWorkers(SandboxConfig config) {
    for (Jailed jailed : those(jailed -> jailed.isIn(config) && jailed.isWorker()))
      ProcessHandle.of(jailed.pid).ifPresent(ProcessHandle::destroyForcibly);
  }

  private static boolean runsAsRoot() {
    return System.getProperty("user.name").equals("root");
  }

  private static List<Jailed> those(Predicate<Jailed> wanted) {
    try (Stream<Path> processes = Files.list(Path.of("/proc"))) {
      return processes
          .filter(path -> path.getFileName().toString().matches("\\d+"))
          .flatMap(path -> read(path).stream())
          .filter(wanted)
          .toList();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private static Optional<Jailed> read(Path process) {
    try {
      List<String> status = Files.readAllLines(process.resolve("status"));
      int uid = Integer.parseInt(field(status, "Uid:").getFirst());
      return Optional.of(
          new Jailed(
              Long.parseLong(process.getFileName().toString()),
              uid,
              field(status, "NSpid:"),
              field(status, "Name:").getFirst()));
    } catch (IOException e) {
      return Optional.empty(); // It has just ended.
    }
  }

  private static List<String> field(List<String> status, String name) {
    return status.stream()
        .filter(line -> line.startsWith(name))
        .flatMap(line -> Arrays.stream(line.substring(name.length()).strip().split("\\s+")))
        .toList();
  }

  /// Waits for what the operating system does in its own time.
  static void await(BooleanSupplier condition) {
    long deadline = System.nanoTime() + 10_000_000_000L;
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime()).as("waiting").isLessThan(deadline);
      LockSupport.parkNanos(5_000_000);
    }
  }
}
