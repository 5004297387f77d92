package dev.turnstone.trainerbridge.weights;

import static org.assertj.core.api.Assertions.assertThat;

import dev.turnstone.rollout.WeightsId;
import dev.turnstone.trainerbridge.json.JsonText;
import dev.turnstone.trainerbridge.runs.Bridge;
import dev.turnstone.trainerbridge.wire.WeightsRequest;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Adapters and deltas: what the policy is given, and that a refused one changes nothing.
public class PartialWeightsTest {
  @TempDir Path directory;
  private Bridge bridge;
  private WeightsId base = new WeightsId("l", 1, "");

  @BeforeEach
  void open() throws Exception {
    bridge = Bridge.started(directory);
    Map<String, Tensor> whole = new LinkedHashMap<>();
    whole.put("m.weight", bf16("[2,3]", 1, 2, 3, 4, 5, 6));
    whole.put("n", bf16("[2]", 7, 8));
    Path folder = published(1, whole, "");
    base = id(1, folder);
    assertThat(apply(base, folder)).isInstanceOf(WeightsOutcome.Applied.class);
  }

  @AfterEach
  void close() {
    bridge.close();
  }

  @Test
  void anAdapterIsAddedToItsBaseInF32AndNeverToAnAdaptedOne() throws Exception {
    for (int version = 2; version <= 4; version++) {
      Path folder = published(version, adapter(0.001f * version), lora(base));
      assertThat(apply(id(version, folder), folder)).isInstanceOf(WeightsOutcome.Applied.class);
    }

    Map<String, Tensor> served = read(serving());
    // 1 + 2 * 0.004 * 1: in bf16 the addition would vanish.
    assertThat(of(served, "m.weight").floats()).containsExactly(1.008f, 2.016f, 3.024f, 4, 5, 6);
    assertThat(of(served, "n").dtype()).isEqualTo("BF16");
  }

  @Test
  void anAdaptedPolicyIsServedAgainAfterARestart() throws Exception {
    Path folder = published(2, adapter(1), lora(base));
    assertThat(apply(id(2, folder), folder)).isInstanceOf(WeightsOutcome.Applied.class);
    WeightsId served = bridge.weights.serving();
    bridge.close();

    bridge = Bridge.started(directory);

    assertThat(bridge.weights.serving()).isEqualTo(served);
    assertThat(of(read(serving()), "m.weight").floats()).startsWith(3f, 6f, 9f);
  }

  @Test
  void aDeltaReplacesNumbersOfTheServingWeights() throws Exception {
    Path two = published(2, delta(0, 9), base("delta", base));
    assertThat(apply(id(2, two), two)).isInstanceOf(WeightsOutcome.Applied.class);
    Path three = published(3, delta(5, -1), base("delta", id(2, two)));
    assertThat(apply(id(3, three), three)).isInstanceOf(WeightsOutcome.Applied.class);

    assertThat(of(read(serving()), "m.weight").floats()).containsExactly(9, 2, 3, 4, 5, -1);
  }

  @Test
  void aDeltaToOtherWeightsThanThoseThatServeIsRefused() throws Exception {
    Path two = published(2, delta(0, 9), base("delta", base));
    apply(id(2, two), two);
    Path three = published(3, delta(0, 1), base("delta", base));

    assertThat(apply(id(3, three), three))
        .isEqualTo(
            new WeightsOutcome.Refused(
                "the delta's base is version 1 of lineage l, but version 2 of lineage l serves"));
    assertThat(bridge.weights.serving().version()).isEqualTo(2);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          index   | the delta of m.weight has index 6 of 6 numbers
          name    | the base has no tensor other
          base    | the base, version 7 of lineage l, is not kept here
          shape   | adapter of m: lora_B [2,1] times lora_A [1,2] is not of shape [2,3]
          half    | the adapter has no tensor m.lora_B.weight
          twice   | tensor m.lora_A.weight is there twice
          huge    | adapted tensor m.weight is not finite
          """)
  void whatDoesNotFitIsRefusedAndLeavesNothing(String wrong, String why) throws Exception {
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    String manifest = lora(base);
    switch (wrong) {
      case "index" -> {
        tensors.putAll(delta(6, 1));
        manifest = base("delta", base);
      }
      case "name" -> {
        tensors.put("other.indices", ints(0));
        tensors.put("other.values", bf16("[1]", 1));
        manifest = base("delta", base);
      }
      case "base" -> {
        tensors.putAll(adapter(1));
        manifest = lora(new WeightsId("l", 7, "0".repeat(64)));
      }
      case "shape" -> {
        tensors.put("m.lora_A.weight", f32("[1,2]", 1, 2));
        tensors.put("m.lora_B.weight", f32("[2,1]", 1, 0));
      }
      case "twice" -> {
        tensors.putAll(adapter(1));
        tensors.put("m.lora_A.weight", f32("[1,3]", 1, 2, 3));
      }
      case "huge" -> tensors.putAll(adapter(Float.MAX_VALUE));
      case "half" -> tensors.put("m.lora_A.weight", f32("[1,3]", 1, 2, 3));
      default -> throw new AssertionError(wrong);
    }
    Path folder = published(2, tensors, manifest);

    assertThat(apply(id(2, folder), folder)).isEqualTo(new WeightsOutcome.Refused(why));
    assertThat(bridge.weights.serving()).isEqualTo(base);
    assertThat(directory.resolve(".applied").toFile().list()).hasSize(1);
  }

  @Test
  void aTrainerCannotSayBesideItsManifestWhatAFolderHolds() throws Exception {
    Map<String, Tensor> whole = new LinkedHashMap<>();
    whole.put("m.weight", bf16("[1]", 1));
    Path folder = published(2, whole, "");
    WeightsId id = id(2, folder);
    Files.delete(folder.resolve("model.safetensors"));
    write(folder.resolve("model.safetensors"), Map.of("m.weight", bf16("[1]", 2)));
    WeightsManifest other = WeightsFolder.manifest("l", 2, folder.resolve("model.safetensors"));
    Files.writeString(folder.resolve(WeightsFolder.MERGED), other.write());

    assertThat(apply(id, folder))
        .isInstanceOfSatisfying(
            WeightsOutcome.Refused.class,
            refused -> assertThat(refused.why()).startsWith("the sha256 of model.safetensors"));
    assertThat(bridge.weights.serving()).isEqualTo(base);
  }

  private static Map<String, Tensor> adapter(float factor) {
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    tensors.put("base_model.model.m.lora_A.weight", f32("[1,3]", 1, 2, 3));
    tensors.put("base_model.model.m.lora_B.weight", f32("[2,1]", factor, 0));
    return tensors;
  }

  private static Map<String, Tensor> delta(int index, float value) {
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    tensors.put("m.weight.indices", ints(index));
    tensors.put("m.weight.values", bf16("[1]", value));
    return tensors;
  }

  private static String lora(WeightsId base) {
    return base("lora", base) + ",\"scale\":2";
  }

  private static String base(String kind, WeightsId base) {
    return ",\"kind\":\"%s\",\"base\":{\"lineage\":\"%s\",\"version\":%d,\"sha256\":\"%s\"}"
        .formatted(kind, base.lineage(), base.version(), base.sha256());
  }

  private record Tensor(String dtype, String shape, ByteBuffer data) {
    float[] floats() {
      boolean wide = dtype.equals("F32");
      float[] floats = new float[data.capacity() / (wide ? 4 : 2)];
      for (int i = 0; i < floats.length; i++)
        floats[i] = wide ? data.getFloat(4 * i) : Float.intBitsToFloat(data.getShort(2 * i) << 16);
      return floats;
    }
  }

  private static ByteBuffer bytes(int size) {
    return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
  }

  private static Tensor bf16(String shape, float... values) {
    ByteBuffer data = bytes(2 * values.length);
    for (float value : values) data.putShort((short) (Float.floatToIntBits(value) >>> 16));
    return new Tensor("BF16", shape, data);
  }

  private static Tensor f32(String shape, float... values) {
    ByteBuffer data = bytes(4 * values.length);
    data.asFloatBuffer().put(values);
    return new Tensor("F32", shape, data);
  }

  private static Tensor ints(int... values) {
    ByteBuffer data = bytes(4 * values.length);
    data.asIntBuffer().put(values);
    return new Tensor("I32", "[%d]".formatted(values.length), data);
  }

  /// A published folder; `more` is added to its manifest.
  private Path published(int version, Map<String, Tensor> tensors, String more) throws IOException {
    Path folder =
        new WeightsFolder(directory.resolve("weights"))
            .publish("l", version, file -> write(file, tensors))
            .folder();
    Path manifest = folder.resolve("manifest.json");
    String text = Files.readString(manifest);
    Files.writeString(manifest, text.substring(0, text.length() - 1) + more + "}");
    return folder;
  }

  private static WeightsId id(int version, Path folder) throws IOException {
    return new WeightsId(
        "l", version, JsonText.sha256(Files.readAllBytes(folder.resolve("manifest.json"))));
  }

  private static void write(Path file, Map<String, Tensor> tensors) throws IOException {
    StringBuilder header = new StringBuilder("{");
    int at = 0;
    for (Map.Entry<String, Tensor> each : tensors.entrySet()) {
      int end = at + each.getValue().data().capacity();
      header
          .append(header.length() == 1 ? "" : ",")
          .append(
              "\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%d,%d]}"
                  .formatted(
                      each.getKey(), each.getValue().dtype(), each.getValue().shape(), at, end));
      at = end;
    }
    byte[] text = header.append("}").toString().getBytes(StandardCharsets.UTF_8);
    ByteBuffer all = ByteBuffer.allocate(8 + text.length + at).order(ByteOrder.LITTLE_ENDIAN);
    all.putLong(text.length).put(text);
    tensors.values().forEach(tensor -> all.put(tensor.data().duplicate().rewind()));
    Files.write(file, all.array());
  }

  private static Tensor of(Map<String, Tensor> tensors, String name) {
    return Optional.ofNullable(tensors.get(name)).orElseThrow();
  }

  private Path serving() {
    return bridge.policy.updates().getLast().folder();
  }

  private static Map<String, Tensor> read(Path folder) throws IOException {
    Path file = folder.resolve("model.safetensors");
    byte[] all = Files.readAllBytes(file);
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    SafetensorsHeader header = SafetensorsHeader.read(file);
    header
        .tensors()
        .forEach((name, tensor) -> {
          int from = (int) header.data() + tensor.path("data_offsets").path(0).asInt();
          int to = (int) header.data() + tensor.path("data_offsets").path(1).asInt();
          tensors.put(
              name,
              new Tensor(
                  tensor.path("dtype").asText(),
                  tensor.path("shape").toString(),
                  ByteBuffer.wrap(all, from, to - from).slice().order(ByteOrder.LITTLE_ENDIAN)));
        });
    return tensors;
  }

  private WeightsOutcome apply(WeightsId id, Path folder) {
    return bridge.runs.apply(
        new WeightsRequest(
            Optional.empty(),
            OptionalLong.empty(),
            id,
            folder,
            Optional.empty(),
            Optional.empty()));
  }
}
