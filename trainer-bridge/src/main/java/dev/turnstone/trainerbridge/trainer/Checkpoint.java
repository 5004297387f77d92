package dev.turnstone.trainerbridge.trainer;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.engine.FloatTensor;
import dev.turnstone.engine.ModelException;
import dev.turnstone.engine.Safetensors;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/// A trainer's state between two steps: weights, optimizer and the cursor into the feed, durable as
/// one. What was trained is what the newest checkpoint says, whatever else was lost.
///
/// @param step training steps done
/// @param version of the weights in the checkpoint
/// @param seq last group of the feed that is trained into them
/// @param optimizerSteps AdamW's step number
/// @param figures of the step, so that a kill before they were told loses nothing
public record Checkpoint(
    Path folder,
    int step,
    String lineage,
    int version,
    long seq,
    long optimizerSteps,
    ObjectNode figures) {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String STATE = "state.json";
  private static final int KEPT = 2;

  /// The newest complete checkpoint under a directory.
  static Optional<Checkpoint> newest(Path directory) throws IOException {
    List<Path> folders = folders(directory);
    if (folders.isEmpty()) return Optional.empty();
    Path folder = folders.getLast();
    ObjectNode state = JSON.readValue(folder.resolve(STATE).toFile(), ObjectNode.class);
    return Optional.of(
        new Checkpoint(
            folder,
            state.path("step").asInt(),
            state.path("lineage").asText(),
            state.path("version").asInt(),
            state.path("seq").asLong(),
            state.path("optimizer_steps").asLong(),
            state.withObject("figures")));
  }

  /// Writes a checkpoint aside, syncs it and renames it; keeps the last two.
  static Checkpoint write(
      Path directory,
      int step,
      String lineage,
      int version,
      long seq,
      ObjectNode figures,
      Learner learner)
      throws IOException {
    Path folder = directory.resolve("step-%06d".formatted(step));
    Path aside = directory.resolve("step-%06d.tmp".formatted(step));
    delete(aside);
    Files.createDirectories(aside);
    Safetensors.write(aside.resolve("model.safetensors"), learner.weights(), Safetensors.Dtype.F32);
    Safetensors.write(
        aside.resolve("optimizer.safetensors"), learner.moments(), Safetensors.Dtype.F32);
    ObjectNode state = JSON.createObjectNode();
    state.put("step", step).put("lineage", lineage).put("version", version).put("seq", seq);
    state.put("optimizer_steps", learner.steps()).set("figures", figures);
    try (FileChannel channel =
        FileChannel.open(
            aside.resolve(STATE), StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      ByteBuffer bytes = ByteBuffer.wrap(JSON.writeValueAsBytes(state));
      while (bytes.hasRemaining()) channel.write(bytes);
      channel.force(true);
    }
    delete(folder);
    Files.move(aside, folder, StandardCopyOption.ATOMIC_MOVE);
    sync(directory);
    List<Path> old = folders(directory);
    for (Path path : old.subList(0, Math.max(0, old.size() - KEPT))) delete(path);
    return new Checkpoint(folder, step, lineage, version, seq, learner.steps(), figures);
  }

  String name() {
    return folder.getFileName().toString();
  }

  /// Puts the optimizer's state back; the weights were loaded from [#weights].
  void restore(Learner learner) throws ModelException {
    var moments = new LinkedHashMap<String, FloatTensor>();
    Map<String, Safetensors.Stored> stored =
        Safetensors.readFile(folder.resolve("optimizer.safetensors"));
    stored.forEach((name, tensor) -> moments.put(name, tensor.toFloats()));
    learner.restore(moments, optimizerSteps);
  }

  Path weights() {
    return folder.resolve("model.safetensors");
  }

  private static List<Path> folders(Path directory) throws IOException {
    if (!Files.isDirectory(directory)) return List.of();
    try (Stream<Path> paths = Files.list(directory)) {
      return paths
          .filter(path -> path.getFileName().toString().matches("step-\\d+"))
          .sorted(Comparator.comparing(path -> path.getFileName().toString()))
          .toList();
    }
  }

  private static void sync(Path directory) throws IOException {
    try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
      channel.force(true);
    }
  }

  private static void delete(Path folder) throws IOException {
    if (!Files.exists(folder)) return;
    try (Stream<Path> paths = Files.walk(folder)) {
      for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) Files.delete(path);
    }
  }
}
