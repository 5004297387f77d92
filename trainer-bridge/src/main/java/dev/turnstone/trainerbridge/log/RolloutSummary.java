package dev.turnstone.trainerbridge.log;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.Row;
import dev.turnstone.rollout.StopReason;
import dev.turnstone.rollout.Trajectory;
import dev.turnstone.trainerbridge.json.JsonText;
import java.util.OptionalDouble;

/// A finished rollout without its tokens: what decides about its group and what people see.
///
/// @param reward empty until scored
/// @param rows branches; 0 if the rollout never had a prompt
/// @param length ids of its longest row
/// @param versionMin lowest version that sampled a token; [Row#NOT_SAMPLED] if none did
/// @param violation the invariant that it breaks, for which it is quarantined; empty if it is sound
public record RolloutSummary(
    String group,
    int index,
    int attempt,
    StopReason stop,
    String detail,
    OptionalDouble reward,
    int rows,
    int length,
    int turns,
    int toolCalls,
    int generatedTokens,
    int cachedTokens,
    int versionMin,
    int versionMax,
    long wallMillis,
    String violation) {
  public static RolloutSummary of(Trajectory trajectory, String violation) {
    Trajectory.Stats stats = trajectory.stats();
    return new RolloutSummary(
        trajectory.id().group(),
        trajectory.id().index(),
        trajectory.id().attempt(),
        trajectory.stop(),
        trajectory.detail(),
        trajectory.reward().stream().mapToDouble(reward -> reward.value()).findFirst(),
        trajectory.rows().size(),
        trajectory.rows().stream().mapToInt(Row::length).max().orElse(0),
        stats.turns(),
        stats.toolCalls(),
        stats.generatedTokens(),
        stats.cachedTokens(),
        trajectory.rows().stream()
            .flatMap(row -> row.oldestVersion().stream())
            .min(Integer::compare)
            .orElse(Row.NOT_SAMPLED),
        trajectory.rows().stream()
            .flatMap(row -> row.newestVersion().stream())
            .max(Integer::compare)
            .orElse(Row.NOT_SAMPLED),
        stats.wallTime().toMillis(),
        violation);
  }

  public boolean quarantined() {
    return !violation.isEmpty();
  }

  public boolean scored() {
    return reward.isPresent();
  }

  /// The rollout's JSON object in events and in the state of its group.
  public ObjectNode toJson() {
    ObjectNode node = JsonText.object();
    node.put("group", group).put("index", index).put("attempt", attempt);
    node.put("stop", stop.wire()).put("detail", detail);
    if (reward.isPresent()) node.put("reward", reward.getAsDouble());
    else node.putNull("reward");
    node.put("turns", turns).put("tool_calls", toolCalls);
    node.put("generated_tokens", generatedTokens).put("length", length);
    node.put("version_min", versionMin).put("version_max", versionMax);
    node.put("wall_ms", wallMillis);
    if (quarantined()) node.put("violation", violation);
    return node;
  }
}
