package dev.turnstone.rollout.session;

import dev.turnstone.rollout.Generation.FinishReason;
import dev.turnstone.rollout.Message;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/// A session without its tokens.
///
/// @param turns in the order in which they were accepted
/// @param transcript the conversation that came to the last turn
/// @param lineages of the weights that sampled
public record SessionSummary(List<Turn> turns, List<Message> transcript, Set<String> lineages) {
  public SessionSummary {
    turns = List.copyOf(turns);
    transcript = List.copyOf(transcript);
    lineages = Set.copyOf(lineages);
  }

  /// One turn.
  ///
  /// @param follows number of the turn before it
  /// @param length ids from the beginning of its row to its end
  public record Turn(
      int number,
      Optional<Integer> follows,
      Match match,
      int generated,
      int cached,
      int length,
      int toolCalls,
      FinishReason finish,
      boolean discarded) {}

  static SessionSummary of(List<Node> nodes) {
    List<Turn> turns = new ArrayList<>();
    List<Message> transcript = new ArrayList<>();
    Set<String> lineages = new TreeSet<>();
    for (Node node : nodes) {
      turns.add(
          new Turn(
              node.number,
              node.parent.map(parent -> parent.number),
              node.match,
              node.generation.ids().size(),
              node.generation.cachedTokens(),
              node.length,
              node.said.toolCalls().size(),
              node.generation.finish(),
              node.discarded));
      lineages.add(node.generation.lineage());
    }
    nodes.stream()
        .filter(node -> !node.discarded)
        .reduce((first, second) -> second)
        .ifPresent(last -> {
          for (Node node : last.path()) {
            transcript.addAll(node.heard.messages());
            transcript.add(node.said);
          }
        });
    return new SessionSummary(turns, transcript, lineages);
  }
}
