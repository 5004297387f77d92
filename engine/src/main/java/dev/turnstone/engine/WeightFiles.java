package dev.turnstone.engine;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.Stream;

/// The safetensors files that hold a folder's weights: the shards that its index names, else
/// `model.safetensors`, else every such file. So a folder may hold other copies of its weights.
public final class WeightFiles {
  private static final String INDEX = "model.safetensors.index.json";

  private WeightFiles() {}

  /// The files in order of their names, at least one.
  ///
  /// @throws ModelException if there is none, or the index names one that is not there
  public static List<Path> in(Path folder) throws ModelException {
    try {
      if (Files.exists(folder.resolve(INDEX))) return shards(folder);
      Path whole = folder.resolve("model.safetensors");
      if (Files.exists(whole)) return List.of(whole);
      try (Stream<Path> entries = Files.list(folder)) {
        List<Path> all =
            entries.filter(p -> p.toString().endsWith(".safetensors")).sorted().toList();
        if (all.isEmpty()) throw new ModelException("no .safetensors file in " + folder);
        return all;
      }
    } catch (JsonProcessingException e) {
      throw new ModelException(
          folder.resolve(INDEX) + " is not JSON: " + e.getOriginalMessage(), e);
    } catch (IOException e) {
      throw new ModelException("cannot read " + folder + ": " + e.getMessage(), e);
    }
  }

  private static List<Path> shards(Path folder) throws IOException, ModelException {
    JsonNode map = new ObjectMapper().readTree(folder.resolve(INDEX).toFile()).path("weight_map");
    var names = new TreeSet<String>();
    for (JsonNode name : map) names.add(name.asText());
    if (names.isEmpty()) throw new ModelException(folder.resolve(INDEX) + " names no shard");
    var shards = new ArrayList<Path>();
    for (String name : names) {
      Path shard = folder.resolve(name);
      if (name.contains("/") || name.contains("\\") || !Files.isRegularFile(shard))
        throw new ModelException(
            "%s names the shard %s, which is not in its folder"
                .formatted(folder.resolve(INDEX), name));
      shards.add(shard);
    }
    return shards;
  }
}
