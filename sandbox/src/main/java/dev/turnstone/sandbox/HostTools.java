package dev.turnstone.sandbox;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;

/// The programs of the host that a jail is made of, and whether the service is root.
///
/// @param setpriv drops root before bubblewrap starts; empty where the service is not root
record HostTools(Path bwrap, Optional<Path> setpriv) {
  static HostTools find() throws SandboxException {
    if (!System.getProperty("os.name").equals("Linux"))
      throw new SandboxException(
          "the sandbox needs Linux namespaces and this is "
              + System.getProperty("os.name")
              + ": run it on a Linux machine");
    Path bwrap = find("bwrap", "bubblewrap");
    // Fixed paths: these run inside the jail, which has only the host's /usr.
    need(Path.of("/usr/bin/python3"), "python3");
    need(Path.of("/usr/bin/bash"), "bash");
    // bubblewrap run by root keeps root's file rights inside the jail.
    return new HostTools(
        bwrap, isRoot() ? Optional.of(find("setpriv", "util-linux")) : Optional.empty());
  }

  private static Path find(String program, String debianPackage) throws SandboxException {
    return Stream.of("/usr/bin", "/bin", "/usr/local/bin")
        .map(folder -> Path.of(folder, program))
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
