package dev.turnstone.bench;

import dev.turnstone.rollout.Tokens;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/// What agents do to a cluster: conversations of many turns whose contexts grow, in groups that
/// begin alike, with tools between the turns.
///
/// @param conversations each at its own time
/// @param turns of each
/// @param first tokens of the first prompt, which a group shares
/// @param observed tokens that each later turn adds, beside those that were generated
/// @param generated tokens of a turn
/// @param gapMicros of a tool, on average
record RoutingTrace(
    List<Conversation> conversations,
    int turns,
    int first,
    int observed,
    int generated,
    long gapMicros) {
  static final int GROUP = 4;

  /// One agent.
  ///
  /// @param startMicros when it begins
  record Conversation(String name, int group, long startMicros, long seed) {
    /// The tool's time after a turn.
    long gap(int turn, long mean) {
      double u = new SplittableRandom(seed + turn).nextDouble();
      return (long) (-mean * Math.log(1 - u));
    }
  }

  /// 43 turns that end with 140,000 tokens, divided by `scale`.
  static RoutingTrace of(int conversations, int scale, long gapMicros, long spreadMicros) {
    SplittableRandom random = new SplittableRandom(11);
    List<Conversation> all = new ArrayList<>();
    for (int i = 0; i < conversations; i++)
      all.add(
          new Conversation(
              "rollout-" + i, i / GROUP, random.nextLong(spreadMicros), random.nextLong()));
    return new RoutingTrace(all, 43, 8192 / scale, 2624 / scale, 444 / scale, gapMicros);
  }

  /// Tokens of a turn's prompt.
  int prompt(int turn) {
    return first + turn * (observed + generated);
  }

  /// The beginning of a group's prompts, as far as routing looks at it.
  Tokens beginning(int group) {
    SplittableRandom random = new SplittableRandom(group);
    return Tokens.of(random.ints(Math.min(first, 4096), 33, 127).toArray());
  }
}
