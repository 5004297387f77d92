package dev.turnstone.server.export;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.Reward;
import dev.turnstone.rollout.Row;
import dev.turnstone.server.http.Wire;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// A folder with the tensors of verl's `DataProto`: prompts padded at the left with id 0, responses
/// at the right. `turnstone.verl.load(FOLDER)` of the Python package makes the keyword arguments of
/// `DataProto.from_dict` of it.
///
/// - `batch.safetensors`: `prompts [B, P]`, `responses [B, R]`, `response_mask [B, R]`,
///   `input_ids`, `attention_mask` and `position_ids` `[B, P + R]`, all i64; `rollout_log_probs`
///   and `rm_scores` `[B, R]`, f32, with the reward at the last response token
/// - `non_tensor_batch.jsonl`: per row `uid` (the group), `rollout_id`, `min_global_steps`,
///   `max_global_steps`, `scores`
///
/// Only rows with a reward and something to train are there. The rows are held in memory, since a
/// tensor's width is known when the last is there.
final class VerlExport implements Export {
  private final Path target;
  private final Path aside;
  private final List<Entry> entries = new ArrayList<>();

  VerlExport(Path target) throws IOException {
    this.target = target;
    aside = Export.aside(target);
    Files.createDirectories(aside);
  }

  private record Entry(Row row, double reward, ObjectNode about) {}

  @Override
  public void add(Stored stored) {
    double reward = stored.trajectory().reward().map(Reward::value).orElse(Double.NaN);
    if (Double.isNaN(reward)) return;
    for (Row row : stored.trajectory().rows())
      if (row.trainable() > 0 && row.length() > row.promptLength())
        entries.add(new Entry(row, reward, about(stored, row)));
  }

  private static ObjectNode about(Stored stored, Row row) {
    var id = stored.trajectory().id();
    ObjectNode about = Wire.JSON.createObjectNode();
    about.put("uid", id.group()).put("rollout_id", id.group() + "/" + id.index());
    about.put("min_global_steps", row.oldestVersion().orElse(Row.NOT_SAMPLED));
    about.put("max_global_steps", row.newestVersion().orElse(Row.NOT_SAMPLED));
    ObjectNode scores = about.putObject("scores");
    stored.scores().forEach(scores::put);
    return about;
  }

  @Override
  public void finish() throws IOException {
    int prompt = entries.stream().mapToInt(e -> e.row().promptLength()).max().orElse(0);
    int response =
        entries.stream().mapToInt(e -> e.row().length() - e.row().promptLength()).max().orElse(0);
    write(new Tensors(entries.size(), prompt, response).fill(entries));
    List<String> lines = entries.stream().map(entry -> Wire.text(entry.about())).toList();
    Files.write(aside.resolve("non_tensor_batch.jsonl"), lines);
    Files.move(aside, target);
  }

  @Override
  public void close() {
    // Its rows are in memory.
  }

  private void write(Tensors tensors) throws IOException {
    ObjectNode header = Wire.JSON.createObjectNode();
    long at = 0;
    for (Map.Entry<String, Tensor> each : tensors.byName().entrySet()) {
      Tensor tensor = each.getValue();
      ObjectNode node = header.putObject(each.getKey()).put("dtype", tensor.dtype());
      node.putArray("shape").add(tensors.rows).add(tensor.width());
      node.putArray("data_offsets").add(at).add(at + tensor.bytes().limit());
      at += tensor.bytes().limit();
    }
    byte[] text = Wire.text(header).getBytes(StandardCharsets.UTF_8);
    int padded = (text.length + 7) / 8 * 8;
    ByteBuffer head = ByteBuffer.allocate(8 + padded).order(ByteOrder.LITTLE_ENDIAN);
    head.putLong(padded).put(text);
    while (head.hasRemaining()) head.put((byte) ' ');
    try (FileChannel file =
        FileChannel.open(
            aside.resolve("batch.safetensors"),
            StandardOpenOption.CREATE,
            StandardOpenOption.TRUNCATE_EXISTING,
            StandardOpenOption.WRITE)) {
      all(file, head.flip());
      for (Tensor tensor : tensors.byName().values()) all(file, tensor.bytes().rewind());
    }
  }

  private static void all(FileChannel file, ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) file.write(bytes);
  }

  private record Tensor(String dtype, int width, ByteBuffer bytes) {}

  /// The tensors of so many rows, zero at first.
  private static final class Tensors {
    private final int rows;
    private final int prompt;
    private final int response;
    private final Map<String, Tensor> byName = new LinkedHashMap<>();

    Tensors(int rows, int prompt, int response) {
      this.rows = rows;
      this.prompt = prompt;
      this.response = response;
      for (String name : List.of("input_ids", "attention_mask", "position_ids"))
        add(name, "I64", prompt + response);
      add("prompts", "I64", prompt);
      for (String name : List.of("responses", "response_mask")) add(name, "I64", response);
      for (String name : List.of("rollout_log_probs", "rm_scores")) add(name, "F32", response);
    }

    private void add(String name, String dtype, int width) {
      int size = Math.multiplyExact(Math.multiplyExact(rows, width), dtype.equals("I64") ? 8 : 4);
      byName.put(
          name, new Tensor(dtype, width, ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN)));
    }

    Map<String, Tensor> byName() {
      return byName;
    }

    Tensors fill(List<Entry> entries) {
      for (int i = 0; i < entries.size(); i++) fill(i, entries.get(i));
      return this;
    }

    private void fill(int i, Entry entry) {
      Row row = entry.row();
      var mask = row.mask();
      int from = prompt - row.promptLength();
      for (int t = 0; t < row.length(); t++) {
        integer("input_ids", i, from + t, row.ids().get(t));
        integer("attention_mask", i, from + t, 1);
        integer("position_ids", i, from + t, t);
        int r = t - row.promptLength();
        if (r < 0) integer("prompts", i, from + t, row.ids().get(t));
        else {
          integer("responses", i, r, row.ids().get(t));
          integer("response_mask", i, r, mask.get(t) ? 1 : 0);
          if (mask.get(t)) real("rollout_log_probs", i, r, row.logprobs().get(t));
        }
      }
      // Padding at the right goes on counting nowhere: verl repeats the last position.
      for (int t = from + row.length(); t < prompt + response; t++)
        integer("position_ids", i, t, row.length() - 1);
      real("rm_scores", i, row.length() - row.promptLength() - 1, (float) entry.reward());
    }

    private void integer(String name, int row, int column, long value) {
      Tensor tensor = tensor(name);
      tensor.bytes().putLong(8 * (row * tensor.width() + column), value);
    }

    private void real(String name, int row, int column, float value) {
      Tensor tensor = tensor(name);
      tensor.bytes().putFloat(4 * (row * tensor.width() + column), value);
    }

    private Tensor tensor(String name) {
      Tensor tensor = byName.get(name);
      if (tensor == null) throw new IllegalArgumentException("there is no tensor " + name);
      return tensor;
    }
  }
}
