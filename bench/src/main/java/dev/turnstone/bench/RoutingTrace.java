package dev.turnstone.bench;

import dev.turnstone.rollout.Tokens;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentLinkedQueue;

/// What asynchronous rollouts do to a cluster: so many agents work at any time, and one that ends
/// its conversation begins the next that nobody has begun. Conversations have many turns whose
/// contexts grow, in groups that begin alike, with tools between the turns.
///
/// That the number of agents stays the same is what makes one hot engine: whoever is slow keeps its
/// conversations longer while new ones come to it as to any other, as a load-blind hash was seen to
/// do to real clusters (PrimeIntellect-ai/prime-rl#3255, NovaSky-AI/SkyRL#1791).
///
/// @param agents that work at once; they begin at different times
/// @param conversations in the order in which they are begun
/// @param turns of each
/// @param first tokens of the first prompt, which a group shares
/// @param observed tokens that each later turn adds, beside those that were generated
/// @param generated tokens of a turn
/// @param gapMicros of a tool, on average
record RoutingTrace(
    int agents,
    List<Conversation> conversations,
    int turns,
    int first,
    int observed,
    int generated,
    long gapMicros) {
  static final int GROUP = 4;
  private static final int WARM = 12;

  /// One rollout.
  ///
  /// @param startMicros when it begins; 0 if an agent must be free first
  record Conversation(String name, int group, long startMicros, long seed) {
    /// The tool's time after a turn.
    long gap(int turn, long mean) {
      double u = new SplittableRandom(seed + turn).nextDouble();
      return (long) (-mean * Math.log(1 - u));
    }
  }

  /// 43 turns that end with 140,000 tokens, divided by `scale`.
  ///
  /// @param rounds conversations for each agent, on average
  /// @param spreadMicros in which the agents begin
  static RoutingTrace of(int agents, int rounds, int scale, long gapMicros, long spreadMicros) {
    SplittableRandom random = new SplittableRandom(11);
    List<Conversation> all = new ArrayList<>();
    for (int i = 0; i < agents * rounds; i++) {
      long start = random.nextLong(spreadMicros);
      all.add(
          new Conversation("rollout-" + i, i / GROUP, i < agents ? start : 0, random.nextLong()));
    }
    return new RoutingTrace(agents, all, 43, 8192 / scale, 2624 / scale, 444 / scale, gapMicros);
  }

  /// The first turns of each agent's first conversation.
  RoutingTrace warmUp() {
    return new RoutingTrace(
        agents, conversations.subList(0, agents), WARM, first, observed, generated, gapMicros);
  }

  /// What the agents work off: those they begin with come first.
  Queue<Conversation> queue() {
    return new ConcurrentLinkedQueue<>(conversations);
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
