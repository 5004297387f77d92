package dev.turnstone.trainerbridge.weights;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.trainerbridge.json.JsonText;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/// What a safetensors file says about itself: a u64 length, then JSON, then the numbers.
///
/// @param data where the numbers begin
/// @param tensors by name, each with `dtype`, `shape` and `data_offsets`
record SafetensorsHeader(long data, Map<String, JsonNode> tensors) {
  private static final long MAX_BYTES = 100L << 20;

  static SafetensorsHeader read(Path file) throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      byte[] length = in.readNBytes(8);
      if (length.length < 8) throw new IOException("not a safetensors file: " + file);
      long bytes = ByteBuffer.wrap(length).order(ByteOrder.LITTLE_ENDIAN).getLong();
      if (bytes < 2 || bytes > MAX_BYTES)
        throw new IOException("not a safetensors file: header of %d bytes".formatted(bytes));
      String text = new String(in.readNBytes((int) bytes), StandardCharsets.UTF_8);
      Map<String, JsonNode> tensors = new TreeMap<>();
      for (Map.Entry<String, JsonNode> entry : JsonText.parse(text).properties())
        if (!entry.getKey().equals("__metadata__")) tensors.put(entry.getKey(), entry.getValue());
      return new SafetensorsHeader(8 + bytes, tensors);
    }
  }

  /// Dtypes and shapes alone.
  Map<String, JsonNode> described() {
    Map<String, JsonNode> described = new TreeMap<>();
    tensors.forEach((name, tensor) ->
        described.put(
            name,
            JsonText.object()
                .<ObjectNode>set("dtype", tensor.path("dtype"))
                .set("shape", tensor.path("shape"))));
    return described;
  }

  /// The safetensors of a folder, in order of their names.
  static List<Path> files(Path folder) throws IOException {
    try (Stream<Path> paths = Files.list(folder)) {
      return paths.filter(file -> file.toString().endsWith(".safetensors")).sorted().toList();
    }
  }
}
