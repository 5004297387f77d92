package dev.turnstone.trainerbridge.wire;

import dev.turnstone.rollout.Json;
import dev.turnstone.rollout.LogprobMode;
import dev.turnstone.rollout.Logprobs;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.Penalties;
import dev.turnstone.rollout.Reward;
import dev.turnstone.rollout.RolloutId;
import dev.turnstone.rollout.Row;
import dev.turnstone.rollout.RunLength;
import dev.turnstone.rollout.Sampling;
import dev.turnstone.rollout.StopReason;
import dev.turnstone.rollout.Task;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.Trajectory;
import java.time.Duration;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;

/// Rows and groups with every field set.
public final class Frames {
  private Frames() {}

  /// Two prompt ids, two of turn 0 by version 3, one observed, one of turn 1 by version 4.
  static Row row() {
    BitSet mask = new BitSet();
    mask.set(2, 4);
    mask.set(5);
    return new Row(
        0,
        Tokens.of(1, 70000, 300, 4, 5, 6),
        mask,
        Logprobs.of(0, 0, -0.25f, -1.5f, 0, -2f),
        new RunLength.Builder<Integer>().add(2, -1).add(2, 3).add(1, -1).add(1, 4).build(),
        new RunLength.Builder<Integer>().add(2, -1).add(2, 0).add(1, -1).add(1, 1).build(),
        new RunLength.Builder<Float>().add(2, 0f).add(2, 0.5f).add(1, 0f).add(1, 0.5f).build(),
        "base",
        Optional.of(
            new Sampling(0.5, 20, 0.9, 0, OptionalLong.empty())
                .withPenalties(new Penalties(0.5, -1, 1.1))
                .withLogitBias(Map.of(4, -2.5, 7, 1.0))
                .withAllowedIds(Set.of(4, 7))
                .withMinTokens(3)
                .withLogprobMode(LogprobMode.RAW)),
        2,
        List.of(Row.MIXED_KV));
  }

  static GroupFrame group() {
    Map<String, Double> parts = new LinkedHashMap<>();
    parts.put("exact", 1.0);
    parts.put("format", 0.5);
    Task task =
        new Task(
            "g-1", List.of(new Message.User("6*7")), "python", new Json("{\"answer\":\"42\"}"));
    return new GroupFrame(
        new GroupHeader(
            7,
            2,
            "g-1",
            0,
            task,
            3,
            2,
            List.of(new GroupFrame.Failed(1, 2, "environment_lost", "no sandbox")),
            3,
            4,
            Map.of(),
            new GroupFrame.Stats(4, 6, 2, 1, 1234)),
        List.of(
            new GroupFrame.GroupRow(
                0,
                0,
                0,
                StopReason.ANSWER,
                Optional.of(new Reward(1.5, parts)),
                row(),
                Optional.empty()),
            new GroupFrame.GroupRow(
                1, 2, 1, StopReason.TIMEOUT, Optional.empty(), row().masked(), Optional.empty())));
  }

  public static Trajectory trajectory(RolloutId id, Optional<Reward> reward) {
    return new Trajectory(
        id,
        List.of(row()),
        reward,
        StopReason.ANSWER,
        "",
        List.of(new Message.User("6*7"), new Message.Assistant("42", List.of())),
        new Trajectory.Stats(2, 3, 0, 1, Duration.ofMillis(1500)));
  }
}
