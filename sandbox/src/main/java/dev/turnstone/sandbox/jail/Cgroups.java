package dev.turnstone.sandbox.jail;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The control groups of this sandbox's jails: version 2, version 1, or none.
///
/// Each jail has one to itself; when its last process has gone, the next jail may have it.
public final class Cgroups {
  private static final Logger LOG = LoggerFactory.getLogger(Cgroups.class);
  private static final Duration DEATH = Duration.ofSeconds(5);

  /// How the kernel names things.
  enum Version {
    V2("v2", "v2", "memory.events"),
    V1("memory", "pids", "memory.oom_control");

    final String memoryMount;
    final String pidsMount;
    final String eventsFile;

    Version(String memoryMount, String pidsMount, String eventsFile) {
      this.memoryMount = memoryMount;
      this.pidsMount = pidsMount;
      this.eventsFile = eventsFile;
    }

    void limitMemory(Path folder, long bytes) throws IOException {
      if (this == V2) {
        write(folder.resolve("memory.max"), bytes);
        Path swap = folder.resolve("memory.swap.max");
        if (Files.exists(swap)) write(swap, 0);
      } else {
        write(folder.resolve("memory.limit_in_bytes"), bytes);
        write(folder.resolve("memory.swappiness"), 0);
      }
    }

    void limitProcesses(Path folder, int count) throws IOException {
      write(folder.resolve("pids.max"), count);
    }
  }

  private final Optional<Version> version;
  private final String description;
  private final Map<String, Path> mounts;
  private final Deque<Cgroup> free = new ArrayDeque<>();
  private final List<Cgroup> all = new ArrayList<>();
  private int owner = -1;

  private Cgroups(Optional<Version> version, String description, Map<String, Path> mounts) {
    this.version = version;
    this.description = description;
    this.mounts = mounts;
  }

  /// For a machine that has none.
  ///
  /// @param why what keeps it from having any
  public static Cgroups none(String why) {
    return new Cgroups(Optional.empty(), "none: " + why, Map.of());
  }

  /// Over folders of this sandbox's own, by the name that jails see them under.
  static Cgroups over(Version version, Map<String, Path> folders) {
    return new Cgroups(
        Optional.of(version), version == Version.V2 ? "v2" : "v1", new LinkedHashMap<>(folders));
  }

  /// `v2`, `v1`, or `none: ` and why.
  public String describe() {
    return description;
  }

  public boolean present() {
    return version.isPresent();
  }

  Map<String, Path> mounts() {
    return mounts;
  }

  /// Lets the processes of a user enter the groups.
  synchronized void delegate(int uid) throws IOException {
    owner = uid;
    for (Path folder : mounts.values()) HostTools.give(folder.resolve("cgroup.procs"), uid);
    for (Cgroup cgroup : all)
      for (String name : cgroup.names()) HostTools.give(mount(name).resolve("cgroup.procs"), uid);
  }

  private Path mount(String name) {
    int slash = name.indexOf('/');
    Path mount = mounts.get(name.substring(0, slash));
    if (mount == null) throw new IllegalStateException("no cgroup " + name);
    return mount.resolve(name.substring(slash + 1));
  }

  /// One for a new jail; empty if this machine has none.
  synchronized Optional<Cgroup> take() throws JailLost {
    if (version.isEmpty()) return Optional.empty();
    for (int i = free.size(); i > 0; i--) {
      Cgroup cgroup = free.remove();
      if (cgroup.isEmpty()) return Optional.of(cgroup);
      free.add(cgroup);
    }
    String name = "jail-" + all.size();
    Map<String, Path> folders = new LinkedHashMap<>();
    mounts.forEach((mount, path) -> folders.put(mount, path.resolve(name)));
    Cgroup cgroup = new Cgroup(version.get(), name, folders, this::giveBack);
    try {
      cgroup.create(owner);
    } catch (IOException e) {
      throw new JailLost("a cgroup could not be made: " + e.getMessage(), e);
    }
    all.add(cgroup);
    return Optional.of(cgroup);
  }

  private synchronized void giveBack(Cgroup cgroup) {
    free.add(cgroup);
  }

  /// Removes all groups, once the last processes have left them.
  public synchronized void close() {
    long deadline = System.nanoTime() + DEATH.toNanos();
    while (true) {
      try {
        for (Cgroup cgroup : all) cgroup.delete();
        for (Path mount : mounts.values()) Files.deleteIfExists(mount);
        return;
      } catch (IOException e) {
        if (System.nanoTime() > deadline) {
          LOG.warn("a cgroup is left: {}", e.getMessage());
          return;
        }
        LockSupport.parkNanos(2_000_000);
      }
    }
  }

  /// Deletes what sandboxes left whose process was killed.
  static void deleteRemains(Path parent) {
    try (Stream<Path> folders = Files.list(parent)) {
      for (Path folder : folders.filter(Cgroups::isRemains).toList()) deleteTree(folder);
    } catch (IOException | UncheckedIOException e) {
      LOG.debug("cannot look for old cgroups in {}: {}", parent, e.getMessage());
    }
  }

  private static boolean isRemains(Path folder) {
    String name = folder.getFileName().toString();
    if (!name.startsWith(CgroupSearch.PREFIX)) return false;
    String pid = name.substring(CgroupSearch.PREFIX.length()).replaceAll("-.*", "");
    return pid.matches("\\d{1,9}") && ProcessHandle.of(Long.parseLong(pid)).isEmpty();
  }

  private static void deleteTree(Path folder) throws IOException {
    try (Stream<Path> inside = Files.list(folder)) {
      for (Path below : inside.filter(Files::isDirectory).toList()) Files.deleteIfExists(below);
    }
    Files.deleteIfExists(folder);
  }

  static void write(Path file, long value) throws IOException {
    try {
      Files.writeString(file, Long.toString(value));
    } catch (IOException e) {
      throw new IOException(file + " does not take " + value + ": " + e.getMessage(), e);
    }
  }
}
