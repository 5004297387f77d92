package dev.turnstone.sandbox;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/// A temporary folder with what every jail shares, read-only to it: the worker, a minimal `/etc`
/// and the seccomp filter. Readable by all users, since jails run under other ones; writable by
/// ours.
final class JailFolder implements AutoCloseable {
  private static final Map<String, String> ETC =
      Map.of(
          "hosts", "127.0.0.1 localhost\n::1 localhost\n",
          "passwd", "sandbox:x:65534:65534::/tmp:/usr/bin/bash\n",
          "group", "sandbox:x:65534:\n",
          "nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n");

  private final Path path;

  private JailFolder(Path path) {
    this.path = path;
  }

  static JailFolder create() throws SandboxException {
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

  Path path() {
    return path;
  }

  Path worker() {
    return path.resolve("worker.pyc");
  }

  Path etc() {
    return path.resolve("etc");
  }

  Path filter() {
    return path.resolve("filter.bpf");
  }

  private void fill(byte[] filter) throws IOException {
    publish(filter(), filter);
    compileWorker();
    directory(etc());
    directory(etc().resolve("alternatives"));
    for (Map.Entry<String, String> file : ETC.entrySet())
      publish(etc().resolve(file.getKey()), file.getValue().getBytes(UTF_8));
    Path libraries = Path.of("/etc/ld.so.cache");
    if (Files.isReadable(libraries))
      publish(etc().resolve("ld.so.cache"), Files.readAllBytes(libraries));
  }

  /// Compiled once, since each jail would take 2 ms of its start to do it again.
  private void compileWorker() throws IOException {
    Path source = path.resolve("worker.py");
    publish(source, resource("worker.py"));
    Process python =
        new ProcessBuilder(
                HostTools.PYTHON.toString(),
                "-I",
                "-c",
                "import py_compile, sys; py_compile.compile(*sys.argv[1:], doraise=True)",
                source.toString(),
                worker().toString(),
                "/agent/worker.py")
            .redirectErrorStream(true)
            .start();
    python.getOutputStream().close();
    String said = new String(python.getInputStream().readAllBytes(), UTF_8);
    if (!Files.exists(worker())) throw new IOException("python3 does not compile: " + said);
    Files.setPosixFilePermissions(worker(), PosixFilePermissions.fromString("rw-r--r--"));
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

  static byte[] resource(String name) {
    try (InputStream in = JailFolder.class.getResourceAsStream(name)) {
      if (in == null) throw new IllegalStateException("the sandbox's jar lacks " + name);
      return in.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() {
    try (Stream<Path> files = Files.walk(path)) {
      List<Path> deepestFirst = files.sorted(Comparator.reverseOrder()).toList();
      for (Path file : deepestFirst) Files.delete(file);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot delete " + path, e);
    }
  }
}
