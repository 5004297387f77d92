package dev.turnstone.sandbox.jail;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// The programs of the host that a jail is made of, and whether the service is root.
///
/// @param setpriv drops root before bubblewrap starts; empty where the service is not root
/// @param mounts more folders of the host that jails may read, such as those of toolchains
public record HostTools(Path bwrap, Optional<Path> setpriv, List<Path> mounts) {
  /// Size of the range of user ids that jails run under.
  public static final int UIDS = 500;

  /// Fixed paths: these run inside the jail, which has only the host's /usr.
  public static final Path PYTHON = Path.of("/usr/bin/python3");

  public static final Path BASH = Path.of("/usr/bin/bash");

  public static HostTools find(List<Path> mounts) throws SandboxException {
    if (!System.getProperty("os.name").equals("Linux"))
      throw new SandboxException(
          "the sandbox needs Linux namespaces and this is "
              + System.getProperty("os.name")
              + ": run it on a Linux machine");
    List<Path> folders = List.of(Path.of("/usr/bin"), Path.of("/bin"), Path.of("/usr/local/bin"));
    Path bwrap = find("bwrap", "bubblewrap", folders);
    need(PYTHON, "python3");
    need(BASH, "bash");
    // bubblewrap run by root keeps root's file rights inside the jail.
    Optional<Path> setpriv =
        isRoot() ? Optional.of(find("setpriv", "util-linux", folders)) : Optional.empty();
    return new HostTools(bwrap, setpriv, mounts);
  }

  /// What is needed where something other than bubblewrap makes jails.
  public static HostTools findWithoutJails(List<Path> mounts) throws SandboxException {
    need(PYTHON, "python3");
    need(BASH, "bash");
    List<Path> folders = List.of(Path.of("/usr/bin"), Path.of("/bin"), Path.of("/usr/local/bin"));
    Optional<Path> setpriv =
        isRoot() ? Optional.of(find("setpriv", "util-linux", folders)) : Optional.empty();
    return new HostTools(Path.of("/usr/bin/bwrap"), setpriv, mounts);
  }

  /// Folders in which jails look for programs, joined by colons.
  public String path() {
    return Stream.concat(
            Stream.of("/usr/local/bin", "/usr/local/go/bin", "/usr/bin", "/usr/sbin").map(Path::of),
            mounts.stream().map(mount -> mount.resolve("bin")))
        .filter(Files::isDirectory)
        .map(Path::toString)
        .collect(Collectors.joining(":"));
  }

  /// Makes what follows run under a user without any right.
  static List<String> drop(Path setpriv, int uid) {
    return List.of(
        setpriv.toString(),
        "--reuid=" + uid,
        "--regid=" + uid,
        "--clear-groups",
        "--inh-caps=-all",
        "--bounding-set=-all");
  }

  static void give(Path path, int uid) throws IOException {
    Files.setAttribute(path, "unix:uid", uid);
  }

  public static Path find(String program, String debianPackage, List<Path> folders)
      throws SandboxException {
    return folders.stream()
        .map(folder -> folder.resolve(program))
        .filter(Files::isExecutable)
        .findFirst()
        .orElseThrow(() -> missing(program, debianPackage));
  }

  private static void need(Path program, String debianPackage) throws SandboxException {
    if (!Files.isExecutable(program)) throw missing(program.toString(), debianPackage);
  }

  private static SandboxException missing(String program, String debianPackage) {
    return new SandboxException(
        "the sandbox needs %s, which is not installed: run apt-get install %s"
            .formatted(program, debianPackage));
  }

  private static boolean isRoot() throws SandboxException {
    try {
      return Integer.valueOf(0).equals(Files.getAttribute(Path.of("/proc/self"), "unix:uid"));
    } catch (IOException e) {
      throw new SandboxException("the sandbox needs /proc: mount it", e);
    }
  }
}
