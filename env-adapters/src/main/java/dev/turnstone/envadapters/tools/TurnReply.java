package dev.turnstone.envadapters.tools;

import java.util.List;
import java.util.Optional;

/// What a source that plays whole turns makes of one.
///
/// @param answers one per call of the turn
/// @param says as the user, after the answers
/// @param reward of the turn; empty if there is none, which is not 0
public record TurnReply(
    List<ToolAnswer> answers, Optional<String> says, boolean done, Optional<Double> reward) {
  public TurnReply {
    answers = List.copyOf(answers);
  }
}
