package dev.turnstone.rollout;

/// Where finished trajectories go.
public interface TrajectorySink {
  /// Takes a trajectory and returns when it is durable.
  void accept(Trajectory trajectory) throws InterruptedException;
}
