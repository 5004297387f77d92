package dev.turnstone.trainerbridge.feed;

import dev.turnstone.trainerbridge.log.GroupTable;
import dev.turnstone.trainerbridge.log.RolloutTable;
import dev.turnstone.trainerbridge.log.RolloutTable.Settled;
import dev.turnstone.trainerbridge.log.StepTable;
import dev.turnstone.trainerbridge.log.TrajectoryLog;
import dev.turnstone.trainerbridge.spec.RunSpec;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/// The advantages of a run's groups: each group's own, or those of its whole step.
///
/// A step is computed when its first group is sent and kept until another step's is; since its
/// groups never change, another connection or server comes to the same numbers.
final class RunAdvantages {
  private final RunSpec spec;
  private final StepTable steps;
  private final RolloutTable rollouts;
  private final boolean stepwise;

  // Guarded by this.
  private long step;
  private Map<String, GroupAdvantages> ofStep = Map.of();

  RunAdvantages(RunSpec spec, TrajectoryLog log) {
    this.spec = spec;
    steps = log.steps();
    rollouts = log.rollouts();
    stepwise = spec.stepwise();
  }

  /// @param settled the group's rollouts
  GroupAdvantages of(GroupTable.Stored group, List<Settled> settled) {
    if (spec.advantages().isEmpty()) return GroupAdvantages.NONE;
    if (!stepwise) return GroupAdvantages.of(spec, List.of(settled)).getFirst();
    return ofStep(group);
  }

  private synchronized GroupAdvantages ofStep(GroupTable.Stored group) {
    if (step != group.step()) {
      List<String> names =
          steps.groups(spec.run(), group.step()).stream().map(GroupTable.Stored::name).toList();
      List<GroupAdvantages> computed =
          GroupAdvantages.of(
              spec, names.stream().map(name -> rollouts.settled(spec.run(), name)).toList());
      Map<String, GroupAdvantages> byName = new HashMap<>();
      for (int i = 0; i < names.size(); i++) byName.put(names.get(i), computed.get(i));
      ofStep = byName;
      step = group.step();
    }
    return Objects.requireNonNull(ofStep.get(group.name()), group.name());
  }
}
