package dev.turnstone.rollout;

/// Names one attempt at one rollout.
///
/// @param group the client's name of the group within the run
/// @param index from 0 to the group's size − 1
/// @param attempt from 0; a rollout that a restart cut off starts again as the next attempt
public record RolloutId(String run, String group, int index, int attempt) {
  @Override
  public String toString() {
    return run + "/" + group + "/" + index + (attempt == 0 ? "" : "#" + attempt);
  }
}
