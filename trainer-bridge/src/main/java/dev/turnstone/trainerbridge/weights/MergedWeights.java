package dev.turnstone.trainerbridge.weights;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.TrainablePolicy.WeightsRejected;
import dev.turnstone.trainerbridge.json.JsonText;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.TreeMap;

/// Full weights made of a base and what a trainer sent instead of all of it.
///
/// - LoRA: `PREFIX.lora_A.weight [r, in]` and `PREFIX.lora_B.weight [out, r]` for `PREFIX.weight`,
///   as PEFT names them. W + scale · B A is computed and kept in f32, whatever the base is in: in
///   bf16 most of a small adapter would be rounded away.
/// - delta: `NAME.indices [n]` (I32 or I64, into the flat tensor) and `NAME.values [n]` in the
///   base's dtype, which replace what is there.
final class MergedWeights {
  private static final String PEFT = "base_model.model.";
  private static final String LORA_A = ".lora_A.weight";
  private static final String LORA_B = ".lora_B.weight";
  private static final String INDICES = ".indices";
  private static final String VALUES = ".values";

  private final Map<String, Tensor> base;
  private final Map<String, Tensor> sent = new TreeMap<>();
  private final double scale;

  /// @param base folder of full weights
  /// @param partial folder of what was sent
  MergedWeights(Path base, Path partial, double scale) throws IOException {
    this.base = read(base);
    this.scale = scale;
    for (Map.Entry<String, Tensor> each : read(partial).entrySet()) {
      String name = each.getKey();
      String plain = name.startsWith(PEFT) ? name.substring(PEFT.length()) : name;
      if (sent.put(plain, each.getValue()) != null)
        throw new IllegalArgumentException("tensor %s is there twice".formatted(plain));
    }
  }

  /// A tensor to write whose numbers are made when they are due: never all of them in memory.
  private record Planned(String dtype, JsonNode shape, long bytes, Numbers numbers) {
    Planned(Tensor tensor) {
      this(
          tensor.dtype(),
          tensor.shape(),
          tensor.data().capacity(),
          () -> tensor.data().duplicate().rewind());
    }
  }

  /// Makes the numbers of one tensor.
  @FunctionalInterface
  private interface Numbers {
    ByteBuffer make() throws WeightsRejected;
  }

  /// Little-endian values of one tensor, as mapped.
  private record Tensor(String dtype, JsonNode shape, ByteBuffer data) {
    long dimension(int index) {
      return shape.path(index).asLong(-1);
    }

    int count() {
      return data.capacity() / size(dtype);
    }

    float get(int index) {
      return switch (dtype) {
        case "F32" -> data.getFloat(4 * index);
        case "BF16" -> Float.intBitsToFloat(data.getShort(2 * index) << 16);
        case "F16" -> Float.float16ToFloat(data.getShort(2 * index));
        default -> throw new IllegalArgumentException("no floats in " + dtype);
      };
    }

    long whole(int index) {
      return dtype.equals("I64") ? data.getLong(8 * index) : data.getInt(4 * index);
    }
  }

  private static int size(String dtype) {
    return switch (dtype) {
      case "I64" -> 8;
      case "F32", "I32" -> 4;
      case "BF16", "F16" -> 2;
      default -> throw new IllegalArgumentException("tensors of dtype %s".formatted(dtype));
    };
  }

  private static Map<String, Tensor> read(Path folder) throws IOException {
    Map<String, Tensor> tensors = new TreeMap<>();
    for (Path file : SafetensorsHeader.files(folder)) {
      SafetensorsHeader header = SafetensorsHeader.read(file);
      try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
        for (Map.Entry<String, JsonNode> entry : header.tensors().entrySet()) {
          JsonNode offsets = entry.getValue().path("data_offsets");
          long from = offsets.path(0).asLong();
          requireFits(entry.getKey(), offsets.path(1).asLong() - from);
          ByteBuffer data =
              channel
                  .map(
                      FileChannel.MapMode.READ_ONLY,
                      header.data() + from,
                      offsets.path(1).asLong() - from)
                  .order(ByteOrder.LITTLE_ENDIAN);
          tensors.put(
              entry.getKey(),
              new Tensor(
                  entry.getValue().path("dtype").asText(), entry.getValue().path("shape"), data));
        }
      }
    }
    return tensors;
  }

  /// Writes the full weights.
  ///
  /// @throws WeightsRejected with one sentence, if what was sent does not fit the base
  void write(Path file, WeightsManifest.Kind kind) throws IOException, WeightsRejected {
    Map<String, Planned> whole = new TreeMap<>();
    base.forEach((name, tensor) -> whole.put(name, new Planned(tensor)));
    whole.putAll(kind == WeightsManifest.Kind.LORA ? adapted() : patched());
    ObjectNode header = JsonText.object();
    long at = 0;
    for (Map.Entry<String, Planned> each : whole.entrySet()) {
      ObjectNode node = header.putObject(each.getKey()).put("dtype", each.getValue().dtype());
      node.set("shape", each.getValue().shape());
      node.putArray("data_offsets").add(at).add(at + each.getValue().bytes());
      at += each.getValue().bytes();
    }
    byte[] text = JsonText.write(header).getBytes(StandardCharsets.UTF_8);
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      ByteBuffer head = ByteBuffer.allocate(8 + text.length).order(ByteOrder.LITTLE_ENDIAN);
      all(channel, head.putLong(text.length).put(text).flip());
      for (Planned tensor : whole.values()) all(channel, tensor.numbers().make());
    }
  }

  private static void all(FileChannel channel, ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) channel.write(bytes);
  }

  /// Tensors are made one at a time, each in one buffer.
  private static void requireFits(String name, long bytes) {
    if (bytes > Integer.MAX_VALUE - 8)
      throw new IllegalArgumentException(
          "tensor %s of %d bytes is too large to be merged here: publish full weights"
              .formatted(name, bytes));
  }

  private Map<String, Planned> adapted() throws WeightsRejected {
    Map<String, Planned> adapted = new TreeMap<>();
    for (String name : sent.keySet()) {
      if (name.endsWith(LORA_B)) continue;
      if (!name.endsWith(LORA_A))
        throw new WeightsRejected(
            "tensor %s of an adapter is neither lora_A nor lora_B".formatted(name));
      String module = name.substring(0, name.length() - LORA_A.length());
      Tensor weight = of(base, module + ".weight", "the base");
      Tensor a = of(sent, name, "the adapter");
      Tensor b = of(sent, module + LORA_B, "the adapter");
      if (a.dimension(0) != b.dimension(1)
          || a.dimension(1) != weight.dimension(1)
          || b.dimension(0) != weight.dimension(0)
          || weight.shape().size() != 2)
        throw new WeightsRejected(
            "adapter of %s: lora_B %s times lora_A %s is not of shape %s"
                .formatted(module, b.shape(), a.shape(), weight.shape()));
      String target = module + ".weight";
      requireFits(target, 4L * weight.count());
      adapted.put(
          target,
          new Planned("F32", weight.shape(), 4L * weight.count(), () -> sum(target, weight, a, b)));
    }
    long halves = sent.keySet().stream().filter(name -> name.endsWith(LORA_B)).count();
    if (halves != adapted.size())
      throw new WeightsRejected(
          "an adapter of %d lora_A and %d lora_B".formatted(adapted.size(), halves));
    return adapted;
  }

  private ByteBuffer sum(String name, Tensor weight, Tensor a, Tensor b) throws WeightsRejected {
    int rank = (int) a.dimension(0);
    int in = (int) a.dimension(1);
    int out = (int) b.dimension(0);
    float[] left = new float[rank * in];
    for (int i = 0; i < left.length; i++) left[i] = a.get(i);
    ByteBuffer data = ByteBuffer.allocate(4 * out * in).order(ByteOrder.LITTLE_ENDIAN);
    float[] row = new float[in];
    for (int o = 0; o < out; o++) {
      for (int i = 0; i < in; i++) row[i] = weight.get(o * in + i);
      for (int r = 0; r < rank; r++) {
        float factor = (float) (scale * b.get(o * rank + r));
        for (int i = 0; i < in; i++) row[i] += factor * left[r * in + i];
      }
      for (float number : row)
        if (!Float.isFinite(number))
          throw new WeightsRejected("adapted tensor %s is not finite".formatted(name));
      data.asFloatBuffer().put(o * in, row);
    }
    return data;
  }

  private Map<String, Planned> patched() throws WeightsRejected {
    Map<String, Planned> patched = new TreeMap<>();
    for (String name : sent.keySet()) {
      if (name.endsWith(VALUES)) continue;
      if (!name.endsWith(INDICES))
        throw new WeightsRejected(
            "tensor %s of a delta is neither indices nor values".formatted(name));
      String target = name.substring(0, name.length() - INDICES.length());
      Tensor indices = of(sent, name, "the delta");
      Tensor values = of(sent, target + VALUES, "the delta");
      Tensor old = of(base, target, "the base");
      requireFits(target, old, indices, values);
      patched.put(
          target,
          new Planned(
              old.dtype(),
              old.shape(),
              old.data().capacity(),
              () -> patch(target, old, indices, values)));
    }
    if (2 * patched.size() != sent.size())
      throw new WeightsRejected("a delta that has values without indices");
    return patched;
  }

  private static void requireFits(String name, Tensor old, Tensor indices, Tensor values)
      throws WeightsRejected {
    if (!values.dtype().equals(old.dtype()))
      throw new WeightsRejected(
          "the delta of %s is in %s, its base in %s".formatted(name, values.dtype(), old.dtype()));
    if (!indices.dtype().startsWith("I") || indices.count() != values.count())
      throw new WeightsRejected(
          "the delta of %s has %d indices of dtype %s and %d values"
              .formatted(name, indices.count(), indices.dtype(), values.count()));
  }

  private static ByteBuffer patch(String name, Tensor old, Tensor indices, Tensor values)
      throws WeightsRejected {
    ByteBuffer data =
        ByteBuffer.allocate(old.data().capacity())
            .order(ByteOrder.LITTLE_ENDIAN)
            .put(old.data().duplicate().rewind());
    int size = size(old.dtype());
    for (int i = 0; i < indices.count(); i++) {
      long index = indices.whole(i);
      if (index < 0 || index >= old.count())
        throw new WeightsRejected(
            "the delta of %s has index %d of %d numbers".formatted(name, index, old.count()));
      if (size == 4) data.putInt(4 * (int) index, values.data().getInt(4 * i));
      else data.putShort(2 * (int) index, values.data().getShort(2 * i));
    }
    return data.rewind();
  }

  private static Tensor of(Map<String, Tensor> tensors, String name, String where)
      throws WeightsRejected {
    Tensor tensor = tensors.get(name);
    if (tensor == null) throw new WeightsRejected("%s has no tensor %s".formatted(where, name));
    return tensor;
  }
}
