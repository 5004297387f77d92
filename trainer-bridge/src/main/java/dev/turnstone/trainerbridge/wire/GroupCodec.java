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
import java.util.ArrayList;
import java.util.List;

/// A [GroupFrame] as the feed's binary frame: one CBOR map with string keys.
public final class GroupCodec {
  /// What a row's names and small fields take at most, flags and reward parts aside.
  private static final long ROW_BYTES = 4096;

  private GroupCodec() {}

  /// One message; for a group of any size.
  public static byte[] encode(GroupFrame group) {
    ObjectNode node = header(group);
    node.set("rows", rows(group.rows()));
    node.set("stats", stats(group.stats()));
    return TypedCbor.encode(node);
  }

  /// The group's messages, each at most [FeedProtocol#MAX_MESSAGE_BYTES] before compression: one,
  /// or parts that say which of how many they are.
  public static List<byte[]> frames(GroupFrame group, Compression compression) {
    return frames(group, compression, FeedProtocol.MAX_MESSAGE_BYTES);
  }

  static List<byte[]> frames(GroupFrame group, Compression compression, long most) {
    ObjectNode header = header(group);
    List<List<GroupRow>> parts =
        parts(group.rows(), most - TypedCbor.encode(header).length - ROW_BYTES);
    List<byte[]> frames = new ArrayList<>();
    for (List<GroupRow> part : parts) {
      ObjectNode node = header.deepCopy();
      if (parts.size() > 1) node.put("part", frames.size()).put("parts", parts.size());
      node.set("rows", rows(part));
      node.set("stats", stats(group.stats()));
      frames.add(compression.pack(TypedCbor.encode(node)));
    }
    return frames;
  }

  private static List<List<GroupRow>> parts(List<GroupRow> rows, long room) {
    List<List<GroupRow>> parts = new ArrayList<>();
    List<GroupRow> part = new ArrayList<>();
    long bytes = 0;
    for (GroupRow row : rows) {
      long more = RowCheck.bytes(row.data()) + ROW_BYTES;
      if (!part.isEmpty() && bytes + more > room) {
        parts.add(List.copyOf(part));
        part.clear();
        bytes = 0;
      }
      part.add(row);
      bytes += more;
    }
    parts.add(part);
    return parts;
  }

  private static ArrayNode rows(List<GroupRow> rows) {
    ArrayNode nodes = JsonText.object().arrayNode();
    rows.forEach(row -> nodes.add(row(row)));
    return nodes;
  }

  private static ObjectNode header(GroupFrame group) {
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
    return new GroupFrame(
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
        rows,
        stats(object(fields, "stats")));
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

  private static ObjectNode row(GroupRow row) {
    ObjectNode node = JsonText.object();
    node.put("row", row.row()).put("rollout", row.rollout());
    node.put("rollout_attempt", row.rolloutAttempt());
    RowCbor.write(node, row.data());
    RowCbor.writeReward(node, row.reward());
    return node.put("stop", row.stop().wire());
  }

  private static GroupRow row(Fields fields) {
    return new GroupRow(
        Math.toIntExact(fields.integer("row")),
        Math.toIntExact(fields.integer("rollout")),
        Math.toIntExact(fields.integer("rollout_attempt")),
        fields
            .choice("stop", StopReason.class)
            .orElseThrow(() -> new IllegalArgumentException("stop is missing")),
        RowCbor.reward(fields),
        RowCbor.parse(fields));
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
