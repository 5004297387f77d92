package dev.turnstone.server.demo;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalInt;

/// What came of one group: a line of the demo's ledger.
///
/// @param seq its place in the feed; empty as long as it is not complete
/// @param dropped whether it was never delivered
record DemoGroup(String name, OptionalInt seq, boolean dropped, List<Rollout> rollouts) {
  DemoGroup {
    rollouts = List.copyOf(rollouts);
  }

  /// What came of one rollout.
  ///
  /// @param reward empty if it was not scored
  /// @param tokens that the policy generated
  /// @param length ids of prompt, generations and observations
  /// @param oldest lowest version that sampled a token; −1 if none was sampled
  record Rollout(
      int index, OptionalDouble reward, int toolCalls, int tokens, int length, int oldest) {
    boolean calledATool() {
      return toolCalls > 0;
    }
  }

  /// Reads a group's state as the server tells it.
  static DemoGroup of(JsonNode state) {
    List<Rollout> rollouts = new ArrayList<>();
    for (JsonNode node : state.path("rollouts")) rollouts.add(rollout(node));
    return new DemoGroup(
        state.path("group").asText(),
        state.path("seq").isInt()
            ? OptionalInt.of(state.path("seq").intValue())
            : OptionalInt.empty(),
        state.path("state").asText().equals("dropped"),
        rollouts);
  }

  private static Rollout rollout(JsonNode node) {
    return new Rollout(
        node.path("index").asInt(),
        node.path("reward").isNumber()
            ? OptionalDouble.of(node.path("reward").doubleValue())
            : OptionalDouble.empty(),
        node.path("tool_calls").asInt(),
        node.path("generated_tokens").asInt(),
        node.path("length").asInt(),
        node.path("version_min").asInt(-1));
  }

  int tokens() {
    return rollouts.stream().mapToInt(Rollout::tokens).sum();
  }
}
