package dev.turnstone.trainerbridge.runs;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.trainerbridge.json.JsonText;
import dev.turnstone.trainerbridge.log.RolloutSummary;
import dev.turnstone.trainerbridge.wire.FeedJson;
import dev.turnstone.trainerbridge.wire.FeedMessage;
import java.util.List;
import java.util.OptionalDouble;

/// Something that happened in a run, for people who watch it.
public sealed interface RunEvent {
  /// A rollout finished.
  record RolloutFinished(RolloutSummary rollout) implements RunEvent {}

  /// A group is complete and has its place in the feed.
  record GroupCompleted(
      long seq,
      String group,
      List<OptionalDouble> rewards,
      int versionMin,
      int versionMax,
      List<Integer> lengths)
      implements RunEvent {
    public GroupCompleted {
      rewards = List.copyOf(rewards);
      lengths = List.copyOf(lengths);
    }
  }

  /// A group will not be delivered.
  record GroupDropped(FeedMessage.Dropped dropped) implements RunEvent {}

  /// New weights serve.
  record WeightsApplied(FeedMessage.WeightsApplied applied) implements RunEvent {}

  /// New weights were refused; the old ones go on serving.
  record WeightsFailed(FeedMessage.WeightsFailed failed) implements RunEvent {}

  /// What the trainer sent after a step.
  record TrainerStats(ObjectNode figures) implements RunEvent {}

  /// Something that should make somebody look.
  ///
  /// @param kind `trainer`, `mismatch_rising`, `not_finite` or `staleness`
  /// @param detail one sentence
  /// @param step of the trainer; −1 if it is of none
  record Alarm(String kind, String detail, long step) implements RunEvent {}

  /// Every group has its place in the feed and none will follow, or the run was cancelled.
  record Ended(long head) implements RunEvent {}

  /// The watcher was too slow and lost that many events.
  record Lost(long count) implements RunEvent {}

  /// Name of the event on the wire.
  default String name() {
    return switch (this) {
      case RolloutFinished _ -> "rollout";
      case GroupCompleted _ -> "group";
      case GroupDropped _ -> "dropped";
      case WeightsApplied _ -> "weights";
      case WeightsFailed _ -> "weights_failed";
      case TrainerStats _ -> "stats";
      case Alarm _ -> "alarm";
      case Ended _ -> "end";
      case Lost _ -> "lost";
    };
  }

  /// The event's JSON object, as `GET /v1/runs/{run}/events` sends it.
  default ObjectNode toJson() {
    ObjectNode node = JsonText.object();
    return switch (this) {
      case RolloutFinished(RolloutSummary rollout) -> rollout.toJson();
      case GroupCompleted group -> {
        node.put("seq", group.seq()).put("group", group.group());
        node.putObject("versions").put("min", group.versionMin()).put("max", group.versionMax());
        group.lengths().forEach(node.putArray("lengths")::add);
        yield FeedJson.rewards(node, group.rewards());
      }
      case GroupDropped(FeedMessage.Dropped dropped) -> FeedJson.dropped(node, dropped);
      case WeightsApplied(FeedMessage.WeightsApplied applied) -> FeedJson.applied(node, applied);
      case WeightsFailed(FeedMessage.WeightsFailed failed) ->
          node.put("lineage", failed.lineage())
              .put("version", failed.version())
              .put("reason", failed.reason());
      case TrainerStats(ObjectNode figures) -> figures.deepCopy();
      case Alarm(String alarm, String detail, long step) -> {
        node.put("alarm", alarm).put("detail", detail);
        yield step < 0 ? node : node.put("step", step);
      }
      case Ended(long head) -> node.put("head", head);
      case Lost(long count) -> node.put("count", count);
    };
  }
}
