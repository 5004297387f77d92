package dev.turnstone.rollout;

import dev.turnstone.rollout.Observation.Result;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// An environment of one tool, `echo`, whose observations a test decides. One session.
final class ScriptedEnvironment implements Environment {
  static final ToolSpec ECHO = new ToolSpec("echo", "Says it again.", Json.EMPTY_OBJECT);

  private final Step step;
  private final Scorer scorer;
  private final List<List<ToolCall>> steps = new ArrayList<>();
  private final List<List<Message>> scored = new ArrayList<>();
  private final List<Message> opening = new ArrayList<>();
  private Optional<Step> reply = Optional.empty();
  private int opened;
  private int closed;

  ScriptedEnvironment(Step step, Scorer scorer) {
    this.step = step;
    this.scorer = scorer;
  }

  /// Echoes every call and rewards 1.
  static ScriptedEnvironment echoing() {
    return new ScriptedEnvironment(ScriptedEnvironment::echo, _ -> Optional.of(Reward.of(1)));
  }

  /// Fails every call.
  static ScriptedEnvironment failing() {
    return new ScriptedEnvironment(
        calls ->
            new Observation(
                calls.stream().<Result>map(c -> new Result.Failed(c, "Error: no")).toList(), false),
        _ -> Optional.of(Reward.of(0)));
  }

  static Observation echo(List<ToolCall> calls) {
    return new Observation(
        calls.stream().<Result>map(c -> new Result.Ok(c, c.arguments().text())).toList(), false);
  }

  /// Shows a message before the first turn, and answers turns without a call instead of ending
  /// there.
  ScriptedEnvironment conversing(String first, Step answers) {
    opening.add(new Message.User(first));
    reply = Optional.of(answers);
    return this;
  }

  @FunctionalInterface
  interface Step {
    Observation step(List<ToolCall> calls) throws EnvironmentLost, InterruptedException;
  }

  @FunctionalInterface
  interface Scorer {
    Optional<Reward> score(List<Message> transcript) throws EnvironmentLost, InterruptedException;
  }

  @Override
  public Session open(Task task, long seed, Duration deadline) {
    opened++;
    return new Session() {
      @Override
      public List<ToolSpec> tools() {
        return List.of(ECHO);
      }

      @Override
      public Observation step(List<ToolCall> calls) throws EnvironmentLost, InterruptedException {
        steps.add(List.copyOf(calls));
        return step.step(calls);
      }

      @Override
      public List<Message> opening() {
        return opening;
      }

      @Override
      public Optional<Observation> reply(String content)
          throws EnvironmentLost, InterruptedException {
        return reply.isEmpty() ? Optional.empty() : Optional.of(reply.get().step(List.of()));
      }

      @Override
      public Optional<Reward> score(List<Message> transcript)
          throws EnvironmentLost, InterruptedException {
        scored.add(List.copyOf(transcript));
        return scorer.score(transcript);
      }

      @Override
      public void close() {
        closed++;
      }
    };
  }

  List<List<ToolCall>> steps() {
    return steps;
  }

  /// Transcripts that were scored.
  List<List<Message>> scored() {
    return scored;
  }

  boolean everySessionIsClosed() {
    return opened > 0 && opened == closed;
  }
}
