package dev.turnstone.sandbox.jail;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/// The control group of one jail at a time: what all its processes together may use.
public final class Cgroup {
  private final Cgroups.Version version;
  private final String name;
  private final Map<String, Path> folders;
  private final Consumer<Cgroup> giveBack;
  private long killsBefore;

  Cgroup(
      Cgroups.Version version, String name, Map<String, Path> folders, Consumer<Cgroup> giveBack) {
    this.version = version;
    this.name = name;
    this.folders = folders;
    this.giveBack = giveBack;
  }

  /// Its folders below those that jails are shown.
  List<String> names() {
    return folders.keySet().stream().sorted().map(mount -> mount + "/" + name).toList();
  }

  void limitMemory(long bytes) throws IOException {
    killsBefore = kills();
    version.limitMemory(memory(), Math.max(bytes, Limits.LEAST_MEMORY));
  }

  boolean ranOutOfMemory() {
    try {
      return kills() > killsBefore;
    } catch (IOException e) {
      return false; // It is only asked to explain what has happened already.
    }
  }

  private long kills() throws IOException {
    return Files.readAllLines(memory().resolve(version.eventsFile)).stream()
        .filter(line -> line.startsWith("oom_kill "))
        .mapToLong(line -> Long.parseLong(line.substring("oom_kill ".length()).strip()))
        .sum();
  }

  private Path memory() {
    return folder(version.memoryMount);
  }

  private Path folder(String mount) {
    Path folder = folders.get(mount);
    if (folder == null) throw new IllegalStateException("no cgroup " + mount);
    return folder;
  }

  boolean isEmpty() {
    try {
      for (Path folder : folders.values())
        if (!Files.readString(folder.resolve("cgroup.procs")).isBlank()) return false;
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  /// Once the jail is closed: another may have it when its last process has gone.
  void release() {
    giveBack.accept(this);
  }

  /// Creates its folders with the limits that all jails share.
  void create(int owner) throws IOException {
    for (Path folder : folders.values()) {
      Files.createDirectory(folder);
      if (owner >= 0) HostTools.give(folder.resolve("cgroup.procs"), owner);
    }
    version.limitProcesses(folder(version.pidsMount), Limits.PROCESSES + Limits.WORKER_PROCESSES);
  }

  void delete() throws IOException {
    for (Path folder : folders.values()) Files.deleteIfExists(folder);
  }
}
