package dev.turnstone.envadapters.tools;

import java.util.Optional;

/// What a tool answered to one call, cut to what the policy may read.
///
/// @param ok false if the tool refused or failed, which the policy reads and may act on
/// @param done whether the episode is over
/// @param reward of this step; empty if there is none, which is not 0
public record ToolAnswer(boolean ok, String text, boolean done, Optional<Double> reward) {
  public static ToolAnswer ok(String text) {
    return new ToolAnswer(true, text, false, Optional.empty());
  }

  public static ToolAnswer failed(String text) {
    return new ToolAnswer(false, text, false, Optional.empty());
  }

  /// What the policy reads when the rollout's time ran out in a call; the loop stops by itself.
  public static ToolAnswer outOfTime() {
    return failed("Error: the time for this task is over");
  }
}
