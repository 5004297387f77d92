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
  private GroupCodec() {}

  public static byte[] encode(GroupFrame group) {
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
    ArrayNode rows = node.putArray("rows");
    group.rows().forEach(row -> rows.add(row(row)));
    node.set("stats", stats(group.stats()));
    return TypedCbor.encode(node);
  }

  /// Reads a binary frame.
  ///
  /// @throws IllegalArgumentException with a sentence that says what is wrong with it
  public static GroupFrame decode(byte[] frame) {
    Fields fields = Fields.of("", TypedCbor.decode(frame));
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
