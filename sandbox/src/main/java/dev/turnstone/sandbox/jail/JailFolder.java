package dev.turnstone.sandbox.jail;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/// A temporary folder with what every jail shares, read-only to it: the agent with the seccomp
/// filter, and a minimal `/etc`. Readable by all users, since jails run under other ones; writable
/// by ours. Zygotes listen in folders of their own below `run`.
public final class JailFolder implements AutoCloseable {
  private static final Map<String, String> ETC =
      Map.of(
          "hosts", "127.0.0.1 localhost\n::1 localhost\n",
          "passwd", "sandbox:x:65534:65534::/tmp:/usr/bin/bash\n",
          "group", "sandbox:x:65534:\n",
          "nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n");

  private static final List<String> AGENT =
      List.of(
          "main.py",
          "_turnstone/__init__.py",
          "_turnstone/cells.py",
          "_turnstone/egress.py",
          "_turnstone/files.py",
          "_turnstone/frames.py",
          "_turnstone/jailing.py",
          "_turnstone/places.py",
          "_turnstone/processes.py",
          "_turnstone/programs.py",
          "_turnstone/shells.py",
          "_turnstone/worker.py",
          "_turnstone/zygote.py");

  /// Files of the host's `/etc` without which programs below `/usr` do not start, as far as they
  /// are there: Debian's matplotlib has its settings there.
  private static final List<String> COPIED = List.of("ld.so.cache", "matplotlibrc");

  private static final FileAttribute<Set<PosixFilePermission>> READABLE =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwxr-xr-x"));

  private final Path path;

  private JailFolder(Path path) {
    this.path = path;
  }

  public static JailFolder create() throws SandboxException {
    byte[] filter = SeccompFilter.forMachine(System.getProperty("os.arch"));
    try {
      JailFolder folder =
          new JailFolder(
              Files.createTempDirectory(
                  "turnstone-sandbox",
                  PosixFilePermissions.asFileAttribute(
                      PosixFilePermissions.fromString("rwxr-xr-x"))));
      folder.fill(filter);
      return folder;
    } catch (IOException e) {
      throw new SandboxException(
          "the sandbox cannot write its files to %s: %s"
              .formatted(System.getProperty("java.io.tmpdir"), e.getMessage()),
          e);
    }
  }

  public Path path() {
    return path;
  }

  /// Folders of the host's `/etc` that toolchains need, as far as they are there.
  static List<String> shared() throws IOException {
    try (Stream<Path> folders = Files.list(Path.of("/etc"))) {
      List<String> shared = new ArrayList<>(List.of("alternatives", "ssl/certs"));
      folders
          .map(folder -> folder.getFileName().toString())
          .filter(name -> name.startsWith("java-"))
          .forEach(shared::add);
      shared.removeIf(folder -> !Files.isDirectory(Path.of("/etc", folder)));
      return shared;
    }
  }

  Path uploads() {
    return path.resolve("uploads");
  }

  Path agent() {
    return path.resolve("agent");
  }

  Path etc() {
    return path.resolve("etc");
  }

  public Path filter() {
    return agent().resolve("filter.bpf");
  }

  /// What the service makes for all programs.
  Path cache() {
    return path.resolve("cache");
  }

  /// Where the proxy listens that jails may be let out through.
  Path egress() {
    return path.resolve("egress").resolve("socket");
  }

  /// Writes an OCI bundle whose root is an empty skeleton, and gives its folder.
  Path bundle(JsonNode config) throws IOException {
    Path bundle = path.resolve("bundle");
    directory(bundle);
    Path root = bundle.resolve("rootfs");
    directory(root);
    for (String folder : List.of("lib", "lib64", "bin", "sbin"))
      Files.createSymbolicLink(root.resolve(folder), Path.of("usr", folder));
    for (JsonNode mount : config.get("mounts")) {
      String at = mount.get("destination").textValue().substring(1);
      if (!at.startsWith("etc/")) Files.createDirectories(root.resolve(at), READABLE);
    }
    Files.createSymbolicLink(root.resolve("mnt"), Path.of("tmp"));
    publish(bundle.resolve("config.json"), config.toString().getBytes(UTF_8));
    return bundle;
  }

  private void fill(byte[] filter) throws IOException {
    directory(path.resolve("run"));
    directory(path.resolve("egress"));
    directory(path.resolve("cache"));
    Files.createDirectory(
        uploads(),
        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    for (String folder :
        List.of(
            "",
            "_turnstone",
            "run",
            "egress",
            "cgroup",
            "cgroup/v2",
            "cgroup/memory",
            "cgroup/pids")) directory(agent().resolve(folder));
    for (String file : AGENT) publish(agent().resolve(file), resource("agent/" + file));
    publish(filter(), filter);
    directory(etc());
    for (String shared : shared()) Files.createDirectories(etc().resolve(shared), READABLE);
    for (Map.Entry<String, String> file : ETC.entrySet())
      publish(etc().resolve(file.getKey()), file.getValue().getBytes(UTF_8));
    for (String copied : COPIED) {
      Path file = Path.of("/etc", copied);
      if (Files.isReadable(file)) publish(etc().resolve(copied), Files.readAllBytes(file));
    }
  }

  /// A new folder for a zygote's socket.
  Path run(int number) throws IOException {
    Path run = path.resolve("run").resolve(Integer.toString(number));
    Files.createDirectory(
        run, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    return run;
  }

  /// Whatever the service's umask, other users must be able to read this.
  private static void publish(Path file, byte[] content) throws IOException {
    Files.write(file, content);
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));
  }

  private static void directory(Path folder) throws IOException {
    Files.createDirectory(folder);
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxr-xr-x"));
  }

  public static byte[] resource(String name) {
    try (InputStream in = JailFolder.class.getResourceAsStream("/dev/turnstone/sandbox/" + name)) {
      if (in == null) throw new IllegalStateException("the sandbox's jar lacks " + name);
      return in.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// Deletes a folder and all below it. Links are not followed.
  static void delete(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      List<Path> deepestFirst = files.sorted(Comparator.reverseOrder()).toList();
      // A jail that has just ended may still delete a lock file of its own.
      for (Path file : deepestFirst) Files.deleteIfExists(file);
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }

  @Override
  public void close() {
    try {
      delete(path);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot delete " + path, e);
    }
  }
}
