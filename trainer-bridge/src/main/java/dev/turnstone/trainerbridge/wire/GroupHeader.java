package dev.turnstone.trainerbridge.wire;

import dev.turnstone.rollout.Task;
import dev.turnstone.trainerbridge.wire.GroupFrame.Failed;
import dev.turnstone.trainerbridge.wire.GroupFrame.Stats;
import java.util.List;
import java.util.Map;

/// A group without its rows.
///
/// @param seq dense per run, from 1
/// @param epoch of the connection that it is sent over
/// @param groupAttempt 0: a group is rolled out once; its rollouts have attempts of their own
/// @param expected the run's group size: `delivered` + failed
/// @param delivered rollouts that have rows
/// @param versionMin lowest version that sampled a token; [Row#NOT_SAMPLED] if none did
/// @param versionMax highest version that sampled a token
/// @param advantages of scored rollouts by index, as the run's algorithm has them; empty if the run
///   leaves them to its trainer, or if tokens of one rollout have different ones, which are the
///   rows'
public record GroupHeader(
    long seq,
    long epoch,
    String group,
    int groupAttempt,
    Task task,
    int expected,
    int delivered,
    List<Failed> failed,
    int versionMin,
    int versionMax,
    Map<Integer, Double> advantages,
    Stats stats) {
  public GroupHeader {
    failed = List.copyOf(failed);
    advantages = Map.copyOf(advantages);
    if (expected != delivered + failed.size())
      throw new IllegalArgumentException(
          "group %s: expected %d, delivered %d, %d failed"
              .formatted(group, expected, delivered, failed.size()));
  }
}
