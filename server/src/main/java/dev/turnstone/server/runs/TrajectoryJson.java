package dev.turnstone.server.runs;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.Row;
import dev.turnstone.rollout.RunLength;
import dev.turnstone.rollout.Trajectory;
import dev.turnstone.server.completion.Served;
import dev.turnstone.server.http.Wire;
import dev.turnstone.trainerbridge.json.MessageJson;
import dev.turnstone.trainerbridge.spec.SamplingJson;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.function.BiConsumer;

/// A trajectory as JSON for people, with the text of every token if the tokenizer is there.
public final class TrajectoryJson {
  private final Optional<Served.Texts> texts;

  public TrajectoryJson(Served.Texts texts) {
    this(Optional.of(texts));
  }

  private TrajectoryJson(Optional<Served.Texts> texts) {
    this.texts = texts;
  }

  /// Rows without `texts`.
  public static TrajectoryJson withoutTexts() {
    return new TrajectoryJson(Optional.empty());
  }

  public ObjectNode write(Trajectory trajectory) {
    ObjectNode json =
        Wire.JSON
            .createObjectNode()
            .put("run", trajectory.id().run())
            .put("group", trajectory.id().group())
            .put("index", trajectory.id().index())
            .put("attempt", trajectory.id().attempt())
            .put("stop", trajectory.stop().wire())
            .put("detail", trajectory.detail());
    json.putNull("reward");
    ObjectNode parts = json.putObject("reward_parts");
    trajectory
        .reward()
        .ifPresent(reward -> {
          json.put("reward", reward.value());
          reward.parts().forEach(parts::put);
          if (!reward.turns().isEmpty()) {
            ArrayNode turns = json.putArray("turn_rewards");
            for (int turn = 0; turn <= reward.turns().lastKey(); turn++)
              turns.add(reward.turns().get(turn));
          }
        });
    json.set("transcript", MessageJson.write(trajectory.transcript()));
    ArrayNode rows = json.putArray("rows");
    trajectory.rows().forEach(row -> rows.add(row(row)));
    Trajectory.Stats stats = trajectory.stats();
    json.putObject("stats")
        .put("turns", stats.turns())
        .put("generated_tokens", stats.generatedTokens())
        .put("cached_tokens", stats.cachedTokens())
        .put("tool_calls", stats.toolCalls())
        .put("wall_ms", stats.wallTime().toMillis());
    return json;
  }

  private ObjectNode row(Row row) {
    ObjectNode json = Wire.JSON.createObjectNode().put("branch", row.branch());
    ArrayNode ids = json.putArray("ids");
    ArrayNode mask = json.putArray("mask");
    ArrayNode logprobs = json.putArray("logprobs");
    var trained = row.mask();
    for (int i = 0; i < row.length(); i++) {
      ids.add(row.ids().get(i));
      mask.add(trained.get(i) ? 1 : 0);
      logprobs.add(row.logprobs().get(i));
    }
    texts.ifPresent(known -> {
      ArrayNode pieces = json.putArray("texts");
      for (int i = 0; i < row.length(); i++)
        pieces.add(new String(known.bytes(row.ids().get(i)), StandardCharsets.UTF_8));
    });
    json.set("versions", runs(row.versions(), ArrayNode::add));
    json.set("turns", runs(row.turns(), ArrayNode::add));
    json.set("temperatures", runs(row.temperatures(), ArrayNode::add));
    json.put("lineage", row.lineage()).put("prompt_length", row.promptLength());
    row.sampler().ifPresent(sampler -> json.set("sampler", SamplingJson.write(sampler)));
    row.flags().forEach(json.putArray("flags")::add);
    return json;
  }

  private static <T> ObjectNode runs(RunLength<T> runs, BiConsumer<ArrayNode, T> add) {
    ObjectNode json = Wire.JSON.createObjectNode();
    ArrayNode starts = json.putArray("starts");
    runs.starts().forEach(start -> starts.add(start));
    ArrayNode values = json.putArray("values");
    runs.values().forEach(value -> add.accept(values, value));
    return json;
  }
}
