package dev.turnstone.server.demo;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Asks what the policy scores on operands it was never trained on when its sandbox answers only an
/// error. If the policy could multiply in its head, it would score all the same.
final class DemoEvaluation {
  private static final int TASKS = 32;
  private static final int ATTEMPTS = 2;
  private static final Duration PATIENCE = Duration.ofMinutes(3);
  private static final Duration GLANCE = Duration.ofMillis(100);

  private final DemoClient client;
  private final DemoTasks tasks;
  private final long seed;

  DemoEvaluation(DemoClient client, DemoTasks tasks, long seed) {
    this.client = client;
    this.tasks = tasks;
    this.seed = seed;
  }

  /// Mean reward over the scored rollouts.
  ///
  /// @param sandbox that runs nothing
  double rewardWithout(String sandbox) throws InterruptedException {
    // A name of its own each time: the sandbox of the last time is gone.
    String name = "without-tool-" + System.currentTimeMillis();
    client.registerEnvironment(DemoRun.environment(name, sandbox));
    client.createRun(DemoRun.run(name, name, ATTEMPTS, TASKS, seed));
    List<DemoTasks.Task> asked = tasks.evaluation(TASKS);
    client.submit(name, asked);
    List<DemoGroup> groups = new ArrayList<>();
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    for (DemoTasks.Task task : asked) groups.add(finished(name, task.group(), deadline));
    client.cancelRun(name);
    client.deleteEnvironment(name);
    return DemoStep.reward(groups)
        .orElseThrow(() -> new DemoFailure("no rollout without the tool was scored"));
  }

  private DemoGroup finished(String run, String group, long deadline) throws InterruptedException {
    while (System.nanoTime() < deadline) {
      Optional<JsonNode> state = client.group(run, group).filter(node -> node.path("seq").isInt());
      if (state.isPresent()) return DemoGroup.of(state.get());
      Thread.sleep(GLANCE);
    }
    throw new DemoFailure(
        "rollouts without the tool are not done after %d s".formatted(PATIENCE.toSeconds()));
  }
}
