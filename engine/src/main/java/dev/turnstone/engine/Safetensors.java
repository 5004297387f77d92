package dev.turnstone.engine;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;

/// Reads and writes safetensors files: u64 header length, JSON header, raw little-endian values.
///
/// Source: https://github.com/huggingface/safetensors
public final class Safetensors {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final long MAX_HEADER_BYTES = 100_000_000;

  private Safetensors() {}

  /// Type of the stored values; `code` is libtorch's number for it.
  public enum Dtype {
    F32(4, 6),
    BF16(2, 15),
    F16(2, 5);

    private final int bytes;
    private final int code;

    Dtype(int bytes, int code) {
      this.bytes = bytes;
      this.code = code;
    }

    public int bytes() {
      return bytes;
    }

    int code() {
      return code;
    }
  }

  /// One tensor's values as mapped from its file.
  ///
  /// @param data little-endian, read-only, of exactly the shape's size
  /// @param offset of the first value in the file, in bytes
  public record Stored(Dtype dtype, List<Long> shape, ByteBuffer data, Path file, long offset) {
    public Stored {
      shape = List.copyOf(shape);
    }

    /// The values in memory; only of an F32 tensor.
    public FloatTensor toFloats() {
      if (dtype != Dtype.F32) throw new IllegalStateException("not F32 but " + dtype);
      float[] values = new float[data.remaining() / Float.BYTES];
      data.duplicate().order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(values);
      return new FloatTensor(shape, values);
    }
  }

  /// Maps all tensors of a folder's [WeightFiles]; the values stay on disk until read.
  ///
  /// @throws ModelException if there is no such file or one is truncated or malformed
  public static Map<String, Stored> read(Path folder) throws ModelException {
    var tensors = new TreeMap<String, Stored>();
    for (Path file : WeightFiles.in(folder)) tensors.putAll(readFile(file));
    return tensors;
  }

  /// Maps all tensors of one file.
  public static Map<String, Stored> readFile(Path file) throws ModelException {
    var tensors = new TreeMap<String, Stored>();
    try {
      readFile(file, tensors);
    } catch (IOException e) {
      throw new ModelException("cannot read " + file + ": " + e.getMessage(), e);
    }
    return tensors;
  }

  private static void readFile(Path file, Map<String, Stored> into)
      throws IOException, ModelException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      long size = channel.size();
      if (size < 8) throw new ModelException(file + " is truncated: " + size + " bytes");
      ByteBuffer prefix = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
      channel.read(prefix, 0);
      long headerBytes = prefix.getLong(0);
      if (headerBytes < 2 || headerBytes > MAX_HEADER_BYTES || 8 + headerBytes > size)
        throw new ModelException(
            "%s is truncated or no safetensors file: header of %d bytes in a file of %d"
                .formatted(file, headerBytes, size));
      ByteBuffer header = ByteBuffer.allocate((int) headerBytes);
      channel.read(header, 8);
      JsonNode root = JSON.readTree(new String(header.array(), StandardCharsets.UTF_8));
      for (Map.Entry<String, JsonNode> entry : root.properties())
        if (!entry.getKey().equals("__metadata__"))
          into.put(entry.getKey(), map(file, channel, 8 + headerBytes, size, entry));
    } catch (JsonProcessingException e) {
      throw new ModelException(file + " has a malformed header: " + e.getOriginalMessage(), e);
    }
  }

  private static Stored map(
      Path file, FileChannel channel, long base, long size, Map.Entry<String, JsonNode> entry)
      throws IOException, ModelException {
    String name = entry.getKey();
    JsonNode node = entry.getValue();
    Dtype dtype =
        dtype(node.path("dtype").asText())
            .orElseThrow(() ->
                new ModelException(
                    "%s: tensor %s has dtype %s, not F32, BF16 or F16"
                        .formatted(file, name, node.path("dtype"))));
    var shape = new java.util.ArrayList<Long>();
    long elements = 1;
    for (JsonNode dimension : node.path("shape")) {
      shape.add(dimension.asLong());
      elements *= dimension.asLong();
    }
    long begin = node.path("data_offsets").path(0).asLong(-1);
    long end = node.path("data_offsets").path(1).asLong(-1);
    if (begin < 0 || end - begin != elements * dtype.bytes())
      throw new ModelException(
          "%s: tensor %s of shape %s spans [%d, %d)".formatted(file, name, shape, begin, end));
    if (base + end > size)
      throw new ModelException(
          "%s is truncated: tensor %s ends at byte %d of %d"
              .formatted(file, name, base + end, size));
    if (end - begin > Integer.MAX_VALUE)
      throw new ModelException(
          "%s: tensor %s has %d bytes, more than 2 GiB".formatted(file, name, end - begin));
    ByteBuffer data =
        channel
            .map(FileChannel.MapMode.READ_ONLY, base + begin, end - begin)
            .order(ByteOrder.LITTLE_ENDIAN);
    return new Stored(dtype, shape, data, file, base + begin);
  }

  private static Optional<Dtype> dtype(String name) {
    return Stream.of(Dtype.values()).filter(d -> d.name().equals(name)).findFirst();
  }

  /// Writes f32 tensors in the map's order, as `F32` or rounded to `BF16`, and forces them to disk.
  public static void write(Path file, Map<String, FloatTensor> tensors, Dtype dtype)
      throws IOException {
    if (dtype == Dtype.F16) throw new IllegalArgumentException("writes F32 and BF16, not F16");
    ObjectNode header = JSON.createObjectNode();
    header.putObject("__metadata__").put("format", "pt");
    long offset = 0;
    for (Map.Entry<String, FloatTensor> entry : tensors.entrySet()) {
      ObjectNode node = header.putObject(entry.getKey()).put("dtype", dtype.name());
      entry.getValue().shape().forEach(node.putArray("shape")::add);
      long end = offset + (long) entry.getValue().size() * dtype.bytes();
      node.putArray("data_offsets").add(offset).add(end);
      offset = end;
    }
    String text = JSON.writeValueAsString(header);
    String padded = text + " ".repeat((8 - text.length() % 8) % 8);
    try (FileChannel channel =
        FileChannel.open(
            file,
            StandardOpenOption.CREATE,
            StandardOpenOption.TRUNCATE_EXISTING,
            StandardOpenOption.WRITE)) {
      ByteBuffer prefix = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
      writeFully(channel, prefix.putLong(0, padded.length()));
      writeFully(channel, ByteBuffer.wrap(padded.getBytes(StandardCharsets.US_ASCII)));
      for (FloatTensor tensor : tensors.values()) writeFully(channel, tensor.bytes(dtype));
      channel.force(true);
    }
  }

  private static void writeFully(FileChannel channel, ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) channel.write(bytes);
  }
}
