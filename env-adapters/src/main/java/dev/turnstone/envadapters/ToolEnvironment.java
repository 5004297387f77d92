package dev.turnstone.envadapters;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.rollout.Environment;
import dev.turnstone.rollout.Task;
import java.time.Duration;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;

/// An environment of tools and rewards that answer over HTTP. Opening a session sends nothing.
final class ToolEnvironment implements Environment {
  private final EnvironmentSpec spec;
  private final Map<String, Tool> tools;
  private final Scoring scoring;
  private final Peers peers;

  ToolEnvironment(EnvironmentSpec spec, Peers peers) {
    this.spec = spec;
    this.peers = peers;
    Map<String, Tool> byName = new LinkedHashMap<>();
    for (ToolEntry entry : spec.tools()) byName.put(entry.name(), tool(entry, peers));
    this.tools = Collections.unmodifiableMap(byName);
    this.scoring = new Scoring(spec.rewards(), peers);
  }

  EnvironmentSpec spec() {
    return spec;
  }

  /// Why a task could never be scored here, in one sentence.
  Optional<String> objection(Task task) {
    try {
      return scoring
          .objection(JsonText.read(task.data().text()))
          .map(why ->
              "environment %s cannot score this task: %s".formatted(spec.environment(), why));
    } catch (JsonText.Unreadable e) {
      return Optional.of("the task's data is not JSON: " + e.getMessage());
    }
  }

  @Override
  public Session open(Task task, long seed, Duration deadline) throws EnvironmentLost {
    // Found now, it costs nothing; found when scoring, it would cost the whole rollout.
    Optional<String> objection = objection(task);
    if (objection.isPresent()) throw new EnvironmentLost(objection.get());
    JsonNode data = JsonText.readOwn(task.data());
    return new ToolSession(
        task,
        data,
        tools,
        scoring,
        UUID.randomUUID().toString(),
        Deadline.in(deadline, peers.nanoTime()));
  }

  private static Tool tool(ToolEntry entry, Peers peers) {
    return switch (entry) {
      case ToolEntry.Sandbox sandbox -> new SandboxTool(sandbox, peers);
      case ToolEntry.Http http -> new HttpTool(http, peers);
    };
  }
}
