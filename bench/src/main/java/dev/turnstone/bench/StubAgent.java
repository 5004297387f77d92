package dev.turnstone.bench;

import dev.turnstone.rollout.ChatFormat;
import dev.turnstone.rollout.Environment;
import dev.turnstone.rollout.Json;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.Observation;
import dev.turnstone.rollout.Reward;
import dev.turnstone.rollout.Task;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.ToolCall;
import dev.turnstone.rollout.ToolCallParser;
import dev.turnstone.rollout.ToolSpec;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// Format, parser and environment of rollouts whose turns are all tool calls that answer at once.
final class StubAgent implements ChatFormat, ToolCallParser, Environment {
  static final int STOP = 0;
  static final Task TASK =
      new Task("task", List.of(new Message.User("go")), "stub", Json.EMPTY_OBJECT);
  private static final Tokens PROMPT = Tokens.of(40, 41, 42, 43, 44, 45, 46, 47);

  @Override
  public Tokens prompt(List<Message> messages, List<ToolSpec> tools) {
    return PROMPT;
  }

  @Override
  public Tokens suffix(Tokens held, List<Message> messages, List<ToolSpec> tools) {
    return PROMPT;
  }

  @Override
  public String text(Tokens generated) {
    return "call";
  }

  @Override
  public Set<Integer> stopIds() {
    return Set.of(STOP);
  }

  @Override
  public Parsed parse(Turn turn) {
    return new Parsed.Calls(
        "", List.of(new ToolCall("call-" + turn.number(), "tool", Json.EMPTY_OBJECT)));
  }

  @Override
  public Session open(Task task, long seed, Duration deadline) {
    return new Tool();
  }

  private static final class Tool implements Session {
    @Override
    public List<ToolSpec> tools() {
      return List.of();
    }

    @Override
    public Observation step(List<ToolCall> calls) {
      return new Observation(
          calls.stream()
              .<Observation.Result>map(call -> new Observation.Result.Ok(call, "4"))
              .toList(),
          false);
    }

    @Override
    public Optional<Reward> score(List<Message> transcript) {
      return Optional.of(Reward.of(1.0));
    }

    @Override
    public void close() {}
  }
}
