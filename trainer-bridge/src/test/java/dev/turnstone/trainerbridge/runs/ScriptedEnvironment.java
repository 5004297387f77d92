package dev.turnstone.trainerbridge.runs;

import dev.turnstone.rollout.Environment;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.Observation;
import dev.turnstone.rollout.Reward;
import dev.turnstone.rollout.Task;
import dev.turnstone.rollout.ToolCall;
import dev.turnstone.rollout.ToolSpec;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;

/// An environment with one tool, whose answers and rewards a test sets. Without a script every
/// other rollout is worth 1 and the rest 0.
public final class ScriptedEnvironment implements Environment {
  final AtomicInteger opened = new AtomicInteger();
  private final AtomicInteger scored = new AtomicInteger();
  private volatile Tool tool = call -> "ok";
  private volatile Score score = transcript -> Optional.of(Reward.of(scored.getAndIncrement() % 2));

  interface Tool {
    String answer(ToolCall call) throws EnvironmentLost, InterruptedException;
  }

  public interface Score {
    Optional<Reward> of(List<Message> transcript) throws EnvironmentLost, InterruptedException;
  }

  void tool(Tool next) {
    tool = next;
  }

  public void score(Score next) {
    score = next;
  }

  @Override
  public Session open(Task task, long seed, Duration deadline) {
    opened.incrementAndGet();
    return new Session() {
      @Override
      public List<ToolSpec> tools() {
        return List.of();
      }

      @Override
      public Observation step(List<ToolCall> calls) throws EnvironmentLost, InterruptedException {
        ToolCall call = calls.getFirst();
        return new Observation(List.of(new Observation.Result.Ok(call, tool.answer(call))), false);
      }

      @Override
      public Optional<Reward> score(List<Message> transcript)
          throws EnvironmentLost, InterruptedException {
        return score.of(transcript);
      }

      @Override
      public void close() {}
    };
  }
}
