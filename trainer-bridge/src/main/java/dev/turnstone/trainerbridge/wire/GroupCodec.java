package dev.turnstone.trainerbridge.wire;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.Json;
import dev.turnstone.rollout.Row;
import dev.turnstone.rollout.StopReason;
import dev.turnstone.rollout.Task;
import dev.turnstone.trainerbridge.json.Fields;
import dev.turnstone.trainerbridge.json.JsonText;
import dev.turnstone.trainerbridge.json.MessageJson;
import dev.turnstone.trainerbridge.spec.GroupRequest;
import dev.turnstone.trainerbridge.wire.GroupFrame.Failed;
import dev.turnstone.trainerbridge.wire.GroupFrame.GroupRow;
import dev.turnstone.trainerbridge.wire.GroupFrame.Stats;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/// A [GroupFrame] as the feed's binary frame: one CBOR map with string keys.
public final class GroupCodec {
  private static final byte[] ROWS = "rows".getBytes(StandardCharsets.UTF_8);
  private static final byte[] STATS = "stats".getBytes(StandardCharsets.UTF_8);

  /// What the heads of a message's map and list take at most.
  private static final int HEADS = 64;

  private GroupCodec() {}

  /// One message; for a group of any size.
  public static byte[] encode(GroupFrame group) {
    return frames(group.header(), outgoing(group), Compression.NONE, Long.MAX_VALUE).getFirst();
  }

  private static List<OutgoingRow> outgoing(GroupFrame group) {
    List<OutgoingRow> rows = new ArrayList<>();
    for (GroupRow row : group.rows()) {
      ObjectNode record = JsonText.object();
      RowCbor.write(record.putArray("rows").addObject(), row.data());
      RowCbor.writeReward(record, row.reward());
      record.put("stop", row.stop().wire());
      OutgoingRow plain =
          OutgoingRow.of(TypedCbor.encode(record), row.rollout(), row.rolloutAttempt(), false)
              .getFirst();
      rows.add(row.advantages().map(plain::with).orElse(plain));
    }
    return rows;
  }

  /// The group's messages, each at most [FeedProtocol#MAX_MESSAGE_BYTES] before compression: one,
  /// or parts that say which of how many they are.
  public static List<byte[]> frames(
      GroupHeader group, List<OutgoingRow> rows, Compression compression) {
    return frames(group, rows, compression, FeedProtocol.MAX_MESSAGE_BYTES);
  }

  static List<byte[]> frames(
      GroupHeader group, List<OutgoingRow> rows, Compression compression, long most) {
    ObjectNode header = header(group);
    byte[] stats = TypedCbor.encode(stats(group.stats()));
    long room = most - TypedCbor.encode(header).length - stats.length - HEADS;
    List<Integer> ends = parts(rows, room);
    List<byte[]> frames = new ArrayList<>();
    int from = 0;
    for (int end : ends) {
      ObjectNode node = header.deepCopy();
      if (ends.size() > 1) node.put("part", frames.size()).put("parts", ends.size());
      frames.add(compression.pack(frame(node, rows, from, end, stats)));
      from = end;
    }
    return frames;
  }

  /// Where each part ends among the rows.
  private static List<Integer> parts(List<OutgoingRow> rows, long room) {
    List<Integer> ends = new ArrayList<>();
    long bytes = 0;
    for (int i = 0; i < rows.size(); i++) {
      int more = rows.get(i).size(i);
      if (bytes > 0 && bytes + more > room) {
        ends.add(i);
        bytes = 0;
      }
      bytes += more;
    }
    ends.add(rows.size());
    return ends;
  }

  /// The map of the header's fields, the rows and the stats, without copying any of it twice.
  private static byte[] frame(
      ObjectNode header, List<OutgoingRow> rows, int from, int end, byte[] stats) {
    byte[] fields = TypedCbor.encode(header);
    int skipped = CborScan.headSize(header.size());
    int size = CborScan.headSize(header.size() + 2) + fields.length - skipped;
    size += 1 + ROWS.length + CborScan.headSize(end - from) + 1 + STATS.length + stats.length;
    for (int i = from; i < end; i++) size += rows.get(i).size(i);
    byte[] out = new byte[size];
    int at = CborScan.putMap(out, 0, header.size() + 2);
    System.arraycopy(fields, skipped, out, at, fields.length - skipped);
    at = CborScan.putText(out, at + fields.length - skipped, ROWS);
    at = CborScan.putList(out, at, end - from);
    for (int i = from; i < end; i++) at = rows.get(i).put(out, at, i);
    at = CborScan.putText(out, at, STATS);
    System.arraycopy(stats, 0, out, at, stats.length);
    return out;
  }

  private static ObjectNode header(GroupHeader group) {
    ObjectNode node = JsonText.object();
    node.put("seq", group.seq()).put("epoch", group.epoch()).put("group", group.group());
    node.put("group_attempt", group.groupAttempt());
    ObjectNode task = GroupRequest.taskJson(group.task());
    task.put("environment", group.task().environment());
    node.set("task", task);
    node.put("expected", group.expected()).put("delivered", group.delivered());
    ArrayNode failed = node.putArray("failed");
    group.failed().forEach(one -> failed.add(failed(one)));
    node.putObject("versions").put("min", group.versionMin()).put("max", group.versionMax());
    if (!group.advantages().isEmpty()) {
      ObjectNode advantages = node.putObject("advantages");
      new TreeMap<>(group.advantages())
          .forEach((rollout, value) -> advantages.put(String.valueOf(rollout), value));
    }
    return node;
  }

  /// Reads a whole group's message.
  ///
  /// @throws IllegalArgumentException with a sentence that says what is wrong with it
  public static GroupFrame decode(byte[] frame) {
    return new GroupAssembler()
        .add(frame)
        .orElseThrow(() -> new IllegalArgumentException("a part of a group, not a whole one"));
  }

  static GroupFrame group(Fields fields) {
    Fields versions = object(fields, "versions");
    List<Failed> failed = new ArrayList<>();
    for (JsonNode item : fields.list("failed")) failed.add(failed(Fields.of("failed", item)));
    List<GroupRow> rows = new ArrayList<>();
    for (JsonNode item : fields.list("rows")) rows.add(row(Fields.of("rows", item)));
    GroupHeader header =
        new GroupHeader(
            fields.integer("seq"),
            fields.integer("epoch"),
            fields.text("group"),
            fields.integer("group_attempt", 0),
            task(fields.text("group"), object(fields, "task")),
            Math.toIntExact(fields.integer("expected")),
            Math.toIntExact(fields.integer("delivered")),
            failed,
            versions.integer("min", Row.NOT_SAMPLED),
            versions.integer("max", Row.NOT_SAMPLED),
            advantages(fields),
            stats(object(fields, "stats")));
    return new GroupFrame(header, rows);
  }

  private static Map<Integer, Double> advantages(Fields fields) {
    Map<Integer, Double> advantages = new TreeMap<>();
    fields
        .object("advantages")
        .ifPresent(given ->
            given
                .names()
                .forEach(name ->
                    advantages.put(Integer.parseInt(name), given.number(name, Double.NaN))));
    return advantages;
  }

  private static ObjectNode failed(Failed failed) {
    ObjectNode node = JsonText.object();
    node.put("rollout", failed.rollout()).put("rollout_attempt", failed.rolloutAttempt());
    return node.put("reason", failed.reason()).put("detail", failed.detail());
  }

  private static Failed failed(Fields fields) {
    return new Failed(
        Math.toIntExact(fields.integer("rollout")),
        Math.toIntExact(fields.integer("rollout_attempt")),
        fields.text("reason"),
        fields.optionalText("detail").orElse(""));
  }

  private static GroupRow row(Fields fields) {
    Row data = RowCbor.parse(fields);
    return new GroupRow(
        Math.toIntExact(fields.integer("row")),
        Math.toIntExact(fields.integer("rollout")),
        Math.toIntExact(fields.integer("rollout_attempt")),
        fields
            .choice("stop", StopReason.class)
            .orElseThrow(() -> new IllegalArgumentException("stop is missing")),
        RowCbor.reward(fields),
        data,
        fields.has(RowCbor.ADVANTAGES)
            ? Optional.of(RowCbor.floatRuns(fields, RowCbor.ADVANTAGES, data.length()))
            : Optional.empty());
  }

  private static ObjectNode stats(Stats stats) {
    ObjectNode node = JsonText.object();
    node.put("turns", stats.turns()).put("generated_tokens", stats.generatedTokens());
    node.put("cached_tokens", stats.cachedTokens()).put("tool_calls", stats.toolCalls());
    return node.put("wall_ms", stats.wallMillis());
  }

  private static Stats stats(Fields fields) {
    return new Stats(
        fields.integer("turns", 0),
        fields.integer("generated_tokens"),
        fields.integer("cached_tokens"),
        fields.integer("tool_calls", 0),
        fields.integer("wall_ms"));
  }

  private static Task task(String group, Fields fields) {
    return new Task(
        group,
        MessageJson.parse("task.messages", fields.list("messages")),
        fields.text("environment"),
        new Json(JsonText.write(fields.tree().path("data"))));
  }

  private static Fields object(Fields fields, String name) {
    return fields
        .object(name)
        .orElseThrow(() -> new IllegalArgumentException(name + " is missing"));
  }
}
