package dev.turnstone.rollout;

/// Names one attempt at one rollout.
///
/// @param group the client's name of the group within the run
/// @param index from 0 to the group's size − 1
/// @param attempt from 0; a rollout that a restart cut off starts again as the next attempt
public record RolloutId(String run, String group, int index, int attempt) {
  /// A seed of this attempt's own, drawn from its run's; the same in every process, and another for
  /// each sibling, without which a group of one seed would be n times the same rollout.
  public long seed(long runSeed) {
    long mixed = runSeed;
    for (int part : new int[] {group.hashCode(), index, attempt}) {
      mixed = (mixed ^ part) * 0x9E3779B97F4A7C15L;
      mixed ^= mixed >>> 32;
    }
    return mixed;
  }

  @Override
  public String toString() {
    return run + "/" + group + "/" + index + (attempt == 0 ? "" : "#" + attempt);
  }
}
