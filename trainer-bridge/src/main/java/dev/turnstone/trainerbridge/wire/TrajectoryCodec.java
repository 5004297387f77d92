package dev.turnstone.trainerbridge.wire;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.RolloutId;
import dev.turnstone.rollout.Row;
import dev.turnstone.rollout.StopReason;
import dev.turnstone.rollout.Trajectory;
import dev.turnstone.trainerbridge.json.Fields;
import dev.turnstone.trainerbridge.json.JsonText;
import dev.turnstone.trainerbridge.json.MessageJson;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/// A [Trajectory] as the log's record: a CBOR map, stored in a zstd frame.
public final class TrajectoryCodec {
  /// Compresses at the speed of a disk.
  private static final int LOG_LEVEL = -3;

  private TrajectoryCodec() {}

  public static byte[] encode(Trajectory trajectory) {
    ObjectNode node = JsonText.object();
    node.put("run", trajectory.id().run()).put("group", trajectory.id().group());
    node.put("index", trajectory.id().index()).put("attempt", trajectory.id().attempt());
    ArrayNode rows = node.putArray("rows");
    trajectory.rows().forEach(row -> RowCbor.write(rows.addObject(), row));
    RowCbor.writeReward(node, trajectory.reward());
    node.put("stop", trajectory.stop().wire()).put("detail", trajectory.detail());
    node.set("transcript", MessageJson.write(trajectory.transcript()));
    Trajectory.Stats stats = trajectory.stats();
    node.put("turns", stats.turns()).put("generated_tokens", stats.generatedTokens());
    node.put("cached_tokens", stats.cachedTokens()).put("tool_calls", stats.toolCalls());
    node.put("wall_ns", stats.wallTime().toNanos());
    return TypedCbor.encode(node);
  }

  /// A record as the log stores it.
  public static byte[] pack(byte[] record) {
    return Compression.ZSTD.pack(record, LOG_LEVEL);
  }

  /// Undoes [#pack].
  public static byte[] unpack(byte[] stored) {
    return Compression.unpack(stored, Integer.MAX_VALUE);
  }

  /// Reads what [#encode] wrote, packed or not.
  public static Trajectory decode(byte[] record) {
    Fields fields = Fields.of("", TypedCbor.decode(unpack(record)));
    List<Row> rows = new ArrayList<>();
    for (JsonNode row : fields.list("rows")) rows.add(RowCbor.parse(Fields.of("rows", row)));
    return new Trajectory(
        new RolloutId(
            fields.text("run"),
            fields.text("group"),
            Math.toIntExact(fields.integer("index")),
            Math.toIntExact(fields.integer("attempt"))),
        rows,
        RowCbor.reward(fields),
        StopReason.ofWire(fields.text("stop")),
        fields.text("detail"),
        MessageJson.parse("transcript", fields.list("transcript")),
        new Trajectory.Stats(
            fields.integer("turns", 0),
            fields.integer("generated_tokens", 0),
            fields.integer("cached_tokens", 0),
            fields.integer("tool_calls", 0),
            Duration.ofNanos(fields.integer("wall_ns"))));
  }
}
