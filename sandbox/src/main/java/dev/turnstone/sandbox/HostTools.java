package dev.turnstone.sandbox;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/// The programs of the host that a jail is made of, and whether the service is root.
///
/// @param setpriv drops root before bubblewrap starts; empty where the service is not root
record HostTools(Path bwrap, Optional<Path> setpriv) {
  /// Fixed paths: these run inside the jail, which has only the host's /usr.
  static final Path PYTHON = Path.of("/usr/bin/python3");

  static final Path BASH = Path.of("/usr/bin/bash");

  static HostTools find() throws SandboxException {
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
    return new HostTools(
        bwrap, isRoot() ? Optional.of(find("setpriv", "util-linux", folders)) : Optional.empty());
  }

  static Path find(String program, String debianPackage, List<Path> folders)
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
