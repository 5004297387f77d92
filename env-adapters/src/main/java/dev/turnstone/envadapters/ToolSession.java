package dev.turnstone.envadapters;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.rollout.Environment;
import dev.turnstone.rollout.Environment.EnvironmentLost;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.Observation;
import dev.turnstone.rollout.Observation.Result;
import dev.turnstone.rollout.Reward;
import dev.turnstone.rollout.Task;
import dev.turnstone.rollout.ToolCall;
import dev.turnstone.rollout.ToolSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/// One rollout's calls and score. The calls of a turn run in order; neighbours that may run beside
/// each other do, each on a virtual thread that ends with the turn.
final class ToolSession implements Environment.Session {
  private static final int MAX_CALLS = 64;
  private static final int MAX_PARALLEL = 16;

  private final Task task;
  private final JsonNode data;
  private final Map<String, Tool> tools;
  private final Scoring scoring;
  private final String name;
  private final Deadline deadline;

  ToolSession(
      Task task,
      JsonNode data,
      Map<String, Tool> tools,
      Scoring scoring,
      String name,
      Deadline deadline) {
    this.task = task;
    this.data = data;
    this.tools = tools;
    this.scoring = scoring;
    this.name = name;
    this.deadline = deadline;
  }

  @Override
  public List<ToolSpec> tools() {
    return tools.values().stream().map(Tool::spec).toList();
  }

  @Override
  public Observation step(List<ToolCall> calls) throws EnvironmentLost, InterruptedException {
    List<ToolCall> taken = calls.subList(0, Math.min(calls.size(), MAX_CALLS));
    List<Result> results = new ArrayList<>();
    while (results.size() < taken.size()) {
      int next = results.size();
      int end = next + 1;
      if (parallel(taken.get(next)))
        while (end < taken.size() && end - next < MAX_PARALLEL && parallel(taken.get(end))) end++;
      if (end == next + 1) results.add(run(taken.get(next)));
      else results.addAll(together(taken.subList(next, end)));
    }
    for (ToolCall call : calls.subList(taken.size(), calls.size()))
      results.add(
          new Result.Failed(call, "Error: at most %d calls a turn are run".formatted(MAX_CALLS)));
    return new Observation(results, false);
  }

  @Override
  public Optional<Reward> score(List<Message> transcript)
      throws EnvironmentLost, InterruptedException {
    return scoring.score(task, data, transcript, name);
  }

  /// Connections are shared, so a session holds nothing to release.
  @Override
  public void close() {}

  private boolean parallel(ToolCall call) {
    Tool tool = tools.get(call.name());
    return tool != null && tool.parallel();
  }

  private Result run(ToolCall call) throws EnvironmentLost, InterruptedException {
    Tool tool = tools.get(call.name());
    if (tool == null) return new Result.Failed(call, unknown(call));
    if (deadline.passed()) return Tool.outOfTime(call);
    return switch (tool.arguments().check(call.arguments())) {
      case ArgumentSchema.Check.Valid(JsonNode arguments) ->
          tool.run(call, arguments, name, deadline);
      case ArgumentSchema.Check.Invalid(String why) ->
          new Result.Failed(call, "Error: invalid arguments: " + why);
    };
  }

  private List<Result> together(List<ToolCall> calls) throws EnvironmentLost, InterruptedException {
    List<Callable<Result>> work =
        calls.stream().<Callable<Result>>map(call -> () -> run(call)).toList();
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Result> results = new ArrayList<>();
      for (Future<Result> future : threads.invokeAll(work)) results.add(future.get());
      return results;
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case EnvironmentLost lost -> throw lost;
        case RuntimeException defect -> throw defect;
        case null, default -> throw new IllegalStateException("a tool call failed", e.getCause());
      }
    }
  }

  private String unknown(ToolCall call) {
    return tools.isEmpty()
        ? "Error: there are no tools here"
        : "Error: there is no tool %s; the tools are %s"
            .formatted(Excerpt.ofMiddle(call.name(), 100), String.join(", ", tools.keySet()));
  }
}
