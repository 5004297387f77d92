package dev.turnstone.trainerbridge.runs;

import dev.turnstone.rollout.Trajectory;
import dev.turnstone.trainerbridge.json.Fields;
import dev.turnstone.trainerbridge.log.GroupTable;
import dev.turnstone.trainerbridge.log.RolloutTable;
import dev.turnstone.trainerbridge.log.TrajectoryLog;
import dev.turnstone.trainerbridge.spec.RunSpec;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/// A run's groups and rollouts as the log has them, for people to see. Needs no lock.
public final class RunViews {
  private final RunSpec spec;
  private final TrajectoryLog log;
  private final GroupTable groups;
  private final RolloutTable rollouts;

  RunViews(RunSpec spec, TrajectoryLog log) {
    this.spec = spec;
    this.log = log;
    groups = log.groups();
    rollouts = log.rollouts();
  }

  /// What its groups and rollouts come to.
  Map<String, Long> counters() {
    Map<String, Long> counters = new HashMap<>(log.counters().of(spec.run()));
    counters.put("admitted", (long) log.admission().admitted(spec.run()));
    counters.put("admission_bound", (long) spec.admissionBound());
    return counters;
  }

  public Optional<GroupState> group(String name) {
    return groups
        .byName(spec.run(), name)
        .map(stored ->
            new GroupState(
                GroupTable.task(stored, spec.environment()),
                Fields.wire(stored.state()),
                stored.seq(),
                stored.reason(),
                rollouts.latest(spec.run(), name).stream()
                    .flatMap(latest -> latest.summary().stream())
                    .toList()));
  }

  /// The trajectory of a rollout's newest attempt, if it finished and its rows are still kept.
  public Optional<Trajectory> trajectory(String group, int index) {
    return rollouts.latest(spec.run(), group).stream()
        .filter(latest -> latest.index() == index)
        .findFirst()
        .flatMap(latest -> rollouts.trajectory(spec.run(), group, index, latest.attempt()));
  }
}
