package dev.turnstone.sandbox.jail;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;

/// Finds out which control groups this process may use, from its `/proc/self`.
///
/// Version 2 needs the memory and pids controllers and a group of ours to divide: this process
/// moves into a leaf of it, since a group that divides may hold no process itself. Version 1 needs
/// both hierarchies.
public final class CgroupSearch {
  static final String PREFIX = "turnstone-sandbox-";
  private static final AtomicInteger FOUND = new AtomicInteger();
  private static final List<String> CONTROLLERS = List.of("memory", "pids");

  /// A line of `/proc/self/mountinfo`.
  private record Mount(String root, Path at, String type, List<String> options) {}

  private final List<Mount> mounts;
  private final List<String> groups;

  /// @param mounts the lines of `/proc/self/mountinfo`
  /// @param groups those of `/proc/self/cgroup`
  CgroupSearch(List<String> mounts, List<String> groups) {
    this.mounts =
        mounts.stream().map(line -> line.split(" ")).flatMap(f -> mount(f).stream()).toList();
    this.groups = groups;
  }

  private static Optional<Mount> mount(String[] fields) {
    int dash = Arrays.asList(fields).indexOf("-");
    if (dash < 5 || dash + 3 >= fields.length) return Optional.empty();
    List<String> options = Arrays.asList(fields[dash + 3].split(","));
    return Optional.of(new Mount(fields[3], Path.of(fields[4]), fields[dash + 1], options));
  }

  /// On this machine.
  public static Cgroups search() {
    try {
      return new CgroupSearch(
              Files.readAllLines(Path.of("/proc/self/mountinfo")),
              Files.readAllLines(Path.of("/proc/self/cgroup")))
          .find();
    } catch (IOException e) {
      return Cgroups.none("/proc cannot be read: " + e.getMessage());
    }
  }

  Cgroups find() {
    String name = PREFIX + ProcessHandle.current().pid() + "-" + FOUND.getAndIncrement();
    StringBuilder why = new StringBuilder();
    try {
      return version2(name);
    } catch (IOException e) {
      why.append("version 2: ").append(e.getMessage());
    }
    try {
      return version1(name);
    } catch (IOException e) {
      why.append("; version 1: ").append(e.getMessage());
    }
    return Cgroups.none(why.toString());
  }

  private Cgroups version2(String name) throws IOException {
    Path own = own("cgroup2", "", "0::");
    List<String> offered =
        List.of(Files.readString(own.resolve("cgroup.controllers")).strip().split(" "));
    for (String controller : CONTROLLERS)
      if (!offered.contains(controller))
        throw new IOException(own + " has no controller " + controller);
    Path control = own.resolve("cgroup.subtree_control");
    if (!List.of(Files.readString(control).strip().split(" ")).containsAll(CONTROLLERS)) {
      Path leaf = Files.createDirectories(own.resolve("turnstone-service"));
      Cgroups.write(leaf.resolve("cgroup.procs"), ProcessHandle.current().pid());
      Files.writeString(control, "+memory +pids");
    }
    Cgroups.deleteRemains(own);
    Path folder = Files.createDirectory(own.resolve(name));
    Files.writeString(folder.resolve("cgroup.subtree_control"), "+memory +pids");
    return Cgroups.over(Cgroups.Version.V2, Map.of("v2", folder));
  }

  private Cgroups version1(String name) throws IOException {
    Map<String, Path> folders = new LinkedHashMap<>();
    try {
      for (String controller : CONTROLLERS) {
        Path own = own("cgroup", controller, ":" + controller + ":");
        Cgroups.deleteRemains(own);
        folders.put(controller, Files.createDirectory(own.resolve(name)));
      }
    } catch (IOException e) {
      for (Path folder : folders.values()) Files.deleteIfExists(folder);
      throw e;
    }
    return Cgroups.over(Cgroups.Version.V1, folders);
  }

  /// The folder of this process's own group.
  private Path own(String type, String option, String mark) throws IOException {
    Mount mount =
        mounts.stream()
            .filter(m -> m.type().equals(type))
            .filter(m -> option.isEmpty() || m.options().contains(option))
            .findFirst()
            .orElseThrow(() -> new IOException("no " + type + " " + option + " is mounted"));
    String path =
        groups.stream()
            .filter(line -> line.contains(mark))
            .map(line -> line.substring(line.indexOf(mark) + mark.length()))
            .findFirst()
            .orElseThrow(() -> new IOException("this process is in no group of " + type));
    String below = path.startsWith(mount.root()) ? path.substring(mount.root().length()) : path;
    while (below.startsWith("/")) below = below.substring(1);
    return mount.at().resolve(below);
  }
}
