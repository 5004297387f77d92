package dev.turnstone.trainerbridge.weights;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.engine.FiniteValues;
import dev.turnstone.engine.Safetensors;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.Optional;

/// Finds numbers in a safetensors file that are not finite: weights with one of them would turn
/// every later token to noise.
final class TensorCheck {
  private TensorCheck() {}

  /// Names the first tensor that holds a number that is not finite, or that reaches beyond the
  /// file.
  ///
  /// @param data where the tensors begin
  /// @param tensors by name, each with `dtype` and `data_offsets`
  static Optional<String> violation(Path file, long data, Map<String, JsonNode> tensors)
      throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ);
        Arena arena = Arena.ofConfined()) {
      MemorySegment bytes = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
      for (Map.Entry<String, JsonNode> tensor : tensors.entrySet()) {
        long from = data + tensor.getValue().path("data_offsets").path(0).asLong(-1);
        long to = data + tensor.getValue().path("data_offsets").path(1).asLong(-1);
        if (from < data || to < from || to > bytes.byteSize())
          return Optional.of(
              "tensor %s reaches beyond %s".formatted(tensor.getKey(), file.getFileName()));
        String dtype = tensor.getValue().path("dtype").asText();
        if (!finite(bytes.asSlice(from, to - from), dtype))
          return Optional.of(
              "tensor %s holds a number that is not finite".formatted(tensor.getKey()));
      }
      return Optional.empty();
    }
  }

  /// Indices of a delta are whole numbers.
  private static boolean finite(MemorySegment values, String dtype) {
    return switch (dtype) {
      case "BF16" -> FiniteValues.all(values, Safetensors.Dtype.BF16);
      case "F16" -> FiniteValues.all(values, Safetensors.Dtype.F16);
      case "F32" -> FiniteValues.all(values, Safetensors.Dtype.F32);
      default -> true;
    };
  }
}
