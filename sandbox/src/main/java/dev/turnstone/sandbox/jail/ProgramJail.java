package dev.turnstone.sandbox.jail;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;

/// Starts programs of the operator's, such as tool servers, in jails: namespaces of their own, as
/// nobody, with the seccomp filter and an environment that names nothing of the host's.
///
/// Killing a started process kills all that it started: it is a shell that waits for bubblewrap,
/// which the kernel kills when the shell dies, and process 1 of the jail with it.
public final class ProgramJail implements AutoCloseable {
  /// `sh` stays the parent, so that bubblewrap dies with it and not with a thread of this JVM.
  private static final String SHELL = "exec 9<\"$0\"; \"$@\"; exit $?";

  private static final long TMP = 256L << 20;
  private static final long WORKSPACE = 256L << 20;
  private static final int UID = 65534;

  private final HostTools tools;
  private final JailFolder folder;

  private ProgramJail(HostTools tools, JailFolder folder) {
    this.tools = tools;
    this.folder = folder;
  }

  /// Finds what jails are made of.
  ///
  /// @throws IOException with one sentence that says what is missing
  public static ProgramJail create() throws IOException {
    try {
      return new ProgramJail(HostTools.find(List.of()), JailFolder.create());
    } catch (SandboxException e) {
      throw new IOException(e.getMessage(), e);
    }
  }

  /// Starts a program with pipes for its streams, in an empty writable `/workspace`.
  ///
  /// @param command what is under `/usr` is there
  /// @param variables all of its environment but PATH, HOME and the locale
  /// @param readOnly folders and files of the host that it sees under the same path
  /// @param network whether it may use the host's network
  public Process start(
      List<String> command, Map<String, String> variables, List<Path> readOnly, boolean network)
      throws IOException {
    for (Path path : readOnly)
      if (!Files.exists(path)) throw new IOException("there is no " + path);
    List<String> words = new ArrayList<>();
    Collections.addAll(words, "/bin/sh", "-c", SHELL, folder.filter().toString());
    tools.setpriv().ifPresent(setpriv -> words.addAll(HostTools.drop(setpriv, UID)));
    words.add(tools.bwrap().toString());
    words.addAll(confinement(network));
    for (Path path : readOnly)
      Collections.addAll(words, "--ro-bind", path.toString(), path.toString());
    words.add("--remount-ro");
    words.add("/");
    variables.forEach((name, value) -> Collections.addAll(words, "--setenv", name, value));
    words.addAll(command);
    ProcessBuilder builder = new ProcessBuilder(words);
    builder.environment().clear();
    return builder.start();
  }

  private List<String> confinement(boolean network) {
    List<String> words = new ArrayList<>();
    Collections.addAll(words, "--unshare-all", "--unshare-user", "--disable-userns");
    if (network) words.add("--share-net");
    Collections.addAll(words, "--new-session", "--die-with-parent", "--hostname", "jail");
    Collections.addAll(words, "--uid", "" + UID, "--gid", "" + UID);
    Collections.addAll(words, "--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin");
    Collections.addAll(words, "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64");
    Collections.addAll(words, "--ro-bind", folder.etc().toString(), "/etc");
    if (network)
      for (String file : List.of("/etc/resolv.conf", "/etc/ssl"))
        Collections.addAll(words, "--ro-bind-try", file, file);
    Collections.addAll(words, "--proc", "/proc", "--dev", "/dev");
    Collections.addAll(words, "--size", "" + TMP, "--tmpfs", "/tmp");
    Collections.addAll(words, "--size", "" + WORKSPACE, "--tmpfs", "/workspace");
    Collections.addAll(words, "--chdir", "/workspace", "--seccomp", "9", "--clearenv");
    Collections.addAll(words, "--setenv", "PATH", "/usr/local/bin:/usr/bin:/bin");
    Collections.addAll(words, "--setenv", "HOME", "/tmp", "--setenv", "LC_ALL", "C.UTF-8");
    return words;
  }

  @Override
  public void close() {
    folder.close();
  }
}
