package dev.turnstone.trainerbridge.weights;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.Optional;

/// Finds numbers in a safetensors file that are not finite: weights with one of them would turn
/// every later token to noise.
final class TensorCheck {
  private static final ValueLayout.OfShort HALF =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt WHOLE =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final int BF16 = 0x7f80;
  private static final int F16 = 0x7c00;
  private static final int F32 = 0x7f80_0000;

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

  private static boolean finite(MemorySegment values, String dtype) {
    return switch (dtype) {
      case "BF16" -> halves(values, BF16);
      case "F16" -> halves(values, F16);
      case "F32" -> wholes(values);
      default -> true;
    };
  }

  /// All bits of the exponent are set in an infinity and in what is no number.
  private static boolean halves(MemorySegment values, int exponent) {
    boolean finite = true;
    for (long at = 0; at + 1 < values.byteSize(); at += 2)
      finite &= (values.get(HALF, at) & exponent) != exponent;
    return finite;
  }

  private static boolean wholes(MemorySegment values) {
    boolean finite = true;
    for (long at = 0; at + 3 < values.byteSize(); at += 4)
      finite &= (values.get(WHOLE, at) & F32) != F32;
    return finite;
  }
}
