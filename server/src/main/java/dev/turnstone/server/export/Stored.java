package dev.turnstone.server.export;

import dev.turnstone.rollout.Task;
import dev.turnstone.rollout.Trajectory;
import dev.turnstone.trainerbridge.log.LogArchive;
import java.util.Map;

/// A trajectory as the log has it, with what the log knows about it.
///
/// @param scores that it was given later, by name; its own reward is the trajectory's
public record Stored(
    LogArchive.Line line, Task task, Trajectory trajectory, Map<String, Double> scores) {}
