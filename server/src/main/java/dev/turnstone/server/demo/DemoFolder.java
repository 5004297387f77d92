package dev.turnstone.server.demo;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.server.http.StartupError;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Optional;

/// The folder of a demo, which goes on where it stopped. Held by one demo at a time.
///
/// `demo.json` says with what the demo began; `groups.jsonl` what came of each group; `data/` is
/// the server's, `trainer/` the trainer's; `logs/` what the processes printed.
final class DemoFolder implements AutoCloseable {
  private static final JsonMapper JSON = new JsonMapper();

  private final Path root;
  private final FileChannel lock;

  private DemoFolder(Path root, FileChannel lock) {
    this.root = root;
    this.lock = lock;
  }

  /// Opens a folder, new or used.
  ///
  /// @throws StartupError if another demo has it open, or began in it with another seed or
  ///   algorithm
  static DemoFolder open(Path root, long seed, String algorithm) {
    try {
      for (String part : List.of("data", "logs", "trainer"))
        Files.createDirectories(root.resolve(part));
      DemoFolder folder = new DemoFolder(root.toAbsolutePath().normalize(), lock(root));
      try {
        folder.check("seed", seed);
        folder.check("algorithm", algorithm);
      } catch (StartupError | DemoFailure refusal) {
        folder.close();
        throw refusal;
      }
      return folder;
    } catch (IOException e) {
      throw new StartupError("%s cannot hold a demo: %s".formatted(root, e.getMessage()));
    }
  }

  private static FileChannel lock(Path root) throws IOException {
    FileChannel channel =
        FileChannel.open(root.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    try {
      if (channel.tryLock() != null) return channel;
    } catch (OverlappingFileLockException e) {
      // Held in this very process, by another demo of a test.
    }
    channel.close();
    throw new StartupError("another demo runs in " + root);
  }

  /// A demo keeps what it began with.
  private void check(String name, Object value) {
    ObjectNode begun = (ObjectNode) read("demo.json").orElseGet(JSON::createObjectNode);
    String text = begun.path(name).asText(value.toString());
    if (!text.equals(value.toString()))
      throw new StartupError("the demo in %s has %s %s, not %s".formatted(root, name, text, value));
    if (!begun.has(name)) write("demo.json", begun.putPOJO(name, value));
  }

  Path path(String name) {
    return root.resolve(name);
  }

  /// The port that the run's environment names: free when the demo began, and the same ever after,
  /// because a run's environment cannot change under it.
  int sandboxPort() {
    return read("demo.json").map(node -> node.path("sandbox_port").asInt()).orElse(0);
  }

  void rememberSandboxPort(int port) {
    ObjectNode begun = (ObjectNode) read("demo.json").orElseGet(JSON::createObjectNode);
    write("demo.json", begun.put("sandbox_port", port));
  }

  Optional<JsonNode> read(String name) {
    try {
      return Files.exists(path(name))
          ? Optional.of(JSON.readTree(Files.readString(path(name))))
          : Optional.empty();
    } catch (IOException e) {
      throw new DemoFailure("%s cannot be read: %s".formatted(path(name), e.getMessage()));
    }
  }

  /// Replaces a file as a whole, so that a kill leaves the old or the new one.
  void write(String name, JsonNode content) {
    writeText(name, content.toPrettyString() + "\n");
  }

  void writeText(String name, String content) {
    try {
      Path part = path(name + ".part");
      Files.writeString(part, content);
      Files.move(part, path(name), StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      throw new DemoFailure("%s cannot be written: %s".formatted(path(name), e.getMessage()));
    }
  }

  @Override
  public void close() {
    try {
      lock.close();
    } catch (IOException e) {
      throw new DemoFailure("the lock of %s cannot be released: %s".formatted(root, e));
    }
  }
}
