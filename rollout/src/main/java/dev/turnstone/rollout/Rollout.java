package dev.turnstone.rollout;

import dev.turnstone.rollout.Environment.EnvironmentLost;
import dev.turnstone.rollout.Generation.FinishReason;
import dev.turnstone.rollout.Policy.PolicyException;
import dev.turnstone.rollout.StopReason.Use;
import dev.turnstone.rollout.ToolCallParser.Parsed;
import dev.turnstone.rollout.ToolCallParser.Turn;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.LongSupplier;

/// The agent loop: one task, one environment session, one trajectory.
///
/// [#run] blocks on the policy and on tools, so it belongs on a virtual thread of its own.
/// Interrupting that thread cancels the rollout. Whatever goes wrong becomes the trajectory's stop
/// reason: a bad rollout is data, not a crash.
public final class Rollout {
  private final RolloutId id;
  private final Task task;
  private final Environment environment;
  private final Agent agent;
  private final Sampling sampling;
  private final RolloutLimits limits;
  private final LongSupplier nanoTime;

  private final List<Message> transcript = new ArrayList<>();
  private Optional<TokenRecord> record = Optional.empty();
  private final SortedMap<Integer, Double> turnRewards = new TreeMap<>();
  private int toolCalls;
  private long started;

  /// A rollout that has not started.
  ///
  /// @param nanoTime a clock such as `System::nanoTime`
  public Rollout(
      RolloutId id,
      Task task,
      Environment environment,
      Agent agent,
      Sampling sampling,
      RolloutLimits limits,
      LongSupplier nanoTime) {
    this.id = id;
    this.task = task;
    this.environment = environment;
    this.agent = agent;
    this.sampling = sampling;
    this.limits = limits.within(agent.policy().contextLength());
    this.nanoTime = nanoTime;
  }

  /// What plays the rollout: a policy with its way of reading and writing conversations.
  public record Agent(Policy policy, ChatFormat format, ToolCallParser parser) {}

  /// Runs the rollout to its end, once.
  public Trajectory run() {
    started = nanoTime.getAsLong();
    long seed = id.seed(sampling.seed().orElse(0));
    try (Environment.Session session = environment.open(task, seed, limits.wallTime())) {
      Stop stop = turns(session);
      Optional<Reward> reward =
          stop.reason().use() == Use.DROP
              ? Optional.empty()
              : session.score(transcript).map(score -> score.withTurns(turnRewards));
      return trajectory(reward, stop);
    } catch (EnvironmentLost e) {
      return trajectory(Optional.empty(), new Stop(StopReason.ENVIRONMENT_LOST, sentence(e)));
    } catch (PolicyException e) {
      return trajectory(Optional.empty(), new Stop(StopReason.ENGINE_ERROR, sentence(e)));
    } catch (InterruptedException e) {
      return trajectory(Optional.empty(), new Stop(StopReason.CANCELLED, ""));
    } catch (RuntimeException e) {
      // A defect of ours or of an adapter: recorded, so that siblings go on and a person sees it.
      return trajectory(Optional.empty(), new Stop(StopReason.ENGINE_ERROR, "defect: " + e));
    } finally {
      agent.policy().forget(id.toString());
    }
  }

  /// Generate, parse, step, append, until something stops it.
  private Stop turns(Environment.Session session)
      throws InterruptedException, PolicyException, EnvironmentLost {
    List<ToolSpec> tools = session.tools();
    transcript.addAll(task.messages());
    transcript.addAll(session.opening());
    TokenRecord held = new TokenRecord(agent.format().prompt(transcript, tools), sampling);
    record = Optional.of(held);
    int errors = 0;
    while (true) {
      Optional<StopReason> limit =
          limits.reached(held.turns(), held.generated(), held.length(), elapsed());
      if (limit.isPresent()) return new Stop(limit.get(), "");

      String before = agent.format().text(held.ids().tail(Turn.TOKENS_BEFORE));
      Generation generation = finite(agent.policy().generate(request(held)));
      held.appendGenerated(generation);
      String text = agent.format().text(generation.ids());
      if (generation.finish() != FinishReason.STOP) return cut(held, generation, text);

      int turn = held.turns() - 1;
      Parsed parsed = agent.parser().parse(new Turn(before, text, turn, tools));
      Step step = step(session, parsed, turn);
      if (step.stop().isPresent()) return step.stop().get();
      transcript.addAll(step.messages());
      errors = step.error().isPresent() ? errors + 1 : 0;
      if (errors >= limits.maxConsecutiveErrors())
        return new Stop(step.error().get(), errors + " errors in a row");

      if (agent.format().rewritesHistory()) held.flag(Row.TEMPLATE_DIVERGED);
      held.appendObserved(agent.format().suffix(held.ids(), step.messages(), tools));
    }
  }

  /// What a parsed turn leads to: a stop, or messages that the policy reads next.
  private Step step(Environment.Session session, Parsed parsed, int turn)
      throws EnvironmentLost, InterruptedException {
    switch (parsed) {
      case Parsed.Answer(String content, String reasoning) -> {
        transcript.add(new Message.Assistant(content, List.of(), reasoning));
        Optional<Observation> reply = session.reply(content);
        return reply.isEmpty() ? Step.stop(StopReason.ANSWER) : observed(reply.get(), turn);
      }
      case Parsed.Malformed(String content, String why, String reasoning) -> {
        transcript.add(new Message.Assistant(content, List.of(), reasoning));
        Message error = new Message.Tool("", "", "Error: unreadable tool call: " + why);
        return new Step(Optional.empty(), List.of(error), Optional.of(StopReason.PARSE_ERROR));
      }
      case Parsed.Calls(String content, List<ToolCall> calls, String reasoning) -> {
        transcript.add(new Message.Assistant(content, calls, reasoning));
        Observation observation = session.step(calls);
        toolCalls += calls.size();
        return observed(observation, turn);
      }
    }
  }

  private Step observed(Observation observation, int turn) {
    observation.reward().ifPresent(reward -> turnRewards.put(turn, reward));
    if (observation.done()) {
      transcript.addAll(observation.messages());
      return Step.stop(StopReason.DONE);
    }
    Optional<StopReason> error =
        observation.allFailed() ? Optional.of(StopReason.TOOL_ERROR) : Optional.empty();
    return new Step(Optional.empty(), observation.messages(), error);
  }

  private Policy.Request request(TokenRecord held) {
    int budget = limits.turnBudget(held.generated(), held.length());
    Sampling drawn =
        sampling.seed().isPresent()
            ? sampling.withSeed(id.seed(sampling.seed().getAsLong()) + held.length())
            : sampling;
    return new Policy.Request(
            held.ids(), drawn, budget, agent.format().stopIds(), limits.wallTime().minus(elapsed()))
        .withConversation(id.toString());
  }

  /// The generation, if every sampled id had a probability.
  private static Generation finite(Generation generation) throws PolicyException {
    for (int i = 0; i < generation.ids().size(); i++)
      if (!Float.isFinite(generation.logprobs().get(i)))
        throw new PolicyException(
            "logprob %s of the sampled id %d"
                .formatted(generation.logprobs().get(i), generation.ids().get(i)));
    return generation;
  }

  /// A turn that ended without a stop token: at a bound, or aborted.
  private Stop cut(TokenRecord held, Generation generation, String text) {
    transcript.add(new Message.Assistant(text, List.of()));
    if (generation.finish() == FinishReason.ABORT)
      return elapsed().compareTo(limits.wallTime()) >= 0
          ? new Stop(StopReason.TIMEOUT, "")
          : new Stop(StopReason.CANCELLED, "the generation was aborted");
    return new Stop(limits.truncation(held.generated(), held.length()), "");
  }

  private Trajectory trajectory(Optional<Reward> reward, Stop stop) {
    List<Row> rows = record.map(TokenRecord::row).map(List::of).orElse(List.of());
    Trajectory.Stats stats =
        record
            .map(r ->
                new Trajectory.Stats(r.turns(), r.generated(), r.cached(), toolCalls, elapsed()))
            .orElse(Trajectory.Stats.NONE);
    return new Trajectory(id, rows, reward, stop.reason(), stop.detail(), transcript, stats);
  }

  private Duration elapsed() {
    return Duration.ofNanos(nanoTime.getAsLong() - started);
  }

  private static String sentence(Exception e) {
    return String.valueOf(e.getMessage());
  }

  private record Stop(StopReason reason, String detail) {}

  private record Step(Optional<Stop> stop, List<Message> messages, Optional<StopReason> error) {
    static Step stop(StopReason reason) {
      return new Step(Optional.of(new Stop(reason, "")), List.of(), Optional.empty());
    }
  }
}
