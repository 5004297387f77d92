package dev.turnstone.server.demo;

import com.fasterxml.jackson.databind.node.ObjectNode;

/// What the demo asks of a server: an environment with a Python sandbox, and a run in it.
final class DemoRun {
  static final String NAME = "demo";
  static final int GROUP_SIZE = 8;
  static final int GROUPS_PER_STEP = 8;

  /// Large, for a policy of under a million parameters.
  static final double LEARNING_RATE = 5e-4;

  private DemoRun() {}

  static ObjectNode environment(String name, String sandbox) {
    ObjectNode environment = DemoClient.JSON.createObjectNode().put("environment", name);
    environment
        .putArray("tools")
        .addObject()
        .put("kind", "sandbox")
        .put("name", "python")
        .put("description", "Runs Python code and returns what it prints.")
        .put("url", sandbox)
        .put("timeout_s", 10)
        .put("max_output_tokens", 100);
    environment.putArray("rewards").addObject().put("kind", "numeric").put("weight", 1.0);
    return environment;
  }

  /// A run of multiplications.
  ///
  /// @param attempts at each
  /// @param groups that a trainer takes at a time
  static ObjectNode run(String name, String environment, int attempts, int groups, long seed) {
    ObjectNode run = DemoClient.JSON.createObjectNode();
    run.put("run", name).put("environment", environment).put("group_size", attempts);
    run.put("max_staleness", 1).put("groups_per_version", groups);
    run.putObject("sampling").put("temperature", 1.0).put("seed", seed);
    run.putObject("limits")
        .put("max_turns", 3)
        .put("max_turn_tokens", 64)
        .put("max_tokens", 160)
        .put("context_length", 384)
        .put("wall_time_s", 60)
        .put("max_consecutive_errors", 2);
    return run;
  }
}
