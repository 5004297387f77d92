package dev.turnstone.envadapters;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.envadapters.peer.Deadline;
import dev.turnstone.envadapters.peer.Excerpt;
import dev.turnstone.envadapters.tools.ArgumentSchema;
import dev.turnstone.envadapters.tools.Tool;
import dev.turnstone.envadapters.tools.ToolAnswer;
import dev.turnstone.rollout.Environment.EnvironmentLost;
import dev.turnstone.rollout.ToolCall;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/// Runs the calls of one turn: in order, but for neighbours whose tools may run beside each other,
/// each of which gets a virtual thread that ends with the turn.
final class TurnCalls {
  private static final int MAX_PARALLEL = 16;

  private final Map<String, Tool> tools;
  private final String session;
  private final Deadline deadline;

  TurnCalls(Map<String, Tool> tools, String session, Deadline deadline) {
    this.tools = tools;
    this.session = session;
    this.deadline = deadline;
  }

  /// One answer per call, in the order of the calls.
  List<ToolAnswer> run(List<ToolCall> calls) throws EnvironmentLost, InterruptedException {
    List<ToolAnswer> answers = new ArrayList<>();
    while (answers.size() < calls.size()) {
      int next = answers.size();
      int end = next + 1;
      if (parallel(calls.get(next)))
        while (end < calls.size() && end - next < MAX_PARALLEL && parallel(calls.get(end))) end++;
      if (end == next + 1) answers.add(run(calls.get(next)));
      else answers.addAll(together(calls.subList(next, end)));
    }
    return answers;
  }

  private boolean parallel(ToolCall call) {
    Tool tool = tools.get(call.name());
    return tool != null && tool.rules().parallel();
  }

  private ToolAnswer run(ToolCall call) throws EnvironmentLost, InterruptedException {
    Tool tool = tools.get(call.name());
    if (tool == null) return ToolAnswer.failed(unknown(call));
    if (deadline.passed()) return ToolAnswer.outOfTime();
    return switch (tool.arguments().check(call.arguments())) {
      case ArgumentSchema.Check.Valid(JsonNode arguments) -> run(tool, arguments);
      case ArgumentSchema.Check.Invalid(String why) ->
          ToolAnswer.failed("Error: invalid arguments: " + why);
    };
  }

  private ToolAnswer run(Tool tool, JsonNode arguments)
      throws EnvironmentLost, InterruptedException {
    if (!tool.throttle().enter(deadline)) return ToolAnswer.outOfTime();
    try {
      return tool.run(new Tool.Call(arguments, session, deadline));
    } finally {
      tool.throttle().leave();
    }
  }

  private List<ToolAnswer> together(List<ToolCall> calls)
      throws EnvironmentLost, InterruptedException {
    List<Callable<ToolAnswer>> work =
        calls.stream().<Callable<ToolAnswer>>map(call -> () -> run(call)).toList();
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<ToolAnswer> answers = new ArrayList<>();
      for (Future<ToolAnswer> future : threads.invokeAll(work)) answers.add(future.get());
      return answers;
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
