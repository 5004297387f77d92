package dev.turnstone.envadapters;

import dev.turnstone.envadapters.rewards.Episode;
import dev.turnstone.envadapters.rewards.Scorer;
import dev.turnstone.envadapters.rewards.Scoring;
import dev.turnstone.envadapters.tools.OpenTools;
import dev.turnstone.envadapters.tools.OpenTools.Verdict;
import dev.turnstone.envadapters.tools.Tool;
import dev.turnstone.envadapters.tools.ToolAnswer;
import dev.turnstone.envadapters.tools.ToolSource.Opening;
import dev.turnstone.envadapters.tools.TurnReply;
import dev.turnstone.rollout.Environment;
import dev.turnstone.rollout.Environment.EnvironmentLost;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.Observation;
import dev.turnstone.rollout.Observation.Result;
import dev.turnstone.rollout.Reward;
import dev.turnstone.rollout.ToolCall;
import dev.turnstone.rollout.ToolSpec;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// One rollout's tools, calls and score.
final class ToolSession implements Environment.Session {
  private static final int MAX_CALLS = 64;

  private final Opening opening;
  private final List<OpenTools> sources;
  private final Map<String, Tool> tools;
  private final TurnCalls calls;
  private final Scoring scoring;
  private final List<Double> stepRewards = new ArrayList<>();
  private final List<Message> conversation = new ArrayList<>();

  /// Takes ownership of the open sources once it is built.
  ToolSession(Opening opening, List<OpenTools> sources, Scoring scoring) throws EnvironmentLost {
    this.opening = opening;
    this.sources = List.copyOf(sources);
    this.tools = byName(sources);
    this.calls = new TurnCalls(tools, opening.session(), opening.deadline());
    this.scoring = scoring;
    conversation.addAll(opening.task().messages());
    sources.forEach(source -> conversation.addAll(source.opening()));
  }

  private static Map<String, Tool> byName(List<OpenTools> sources) throws EnvironmentLost {
    Map<String, Tool> byName = new LinkedHashMap<>();
    for (OpenTools source : sources)
      for (Tool tool : source.tools())
        if (byName.putIfAbsent(tool.spec().name(), tool) != null)
          throw new EnvironmentLost(
              "two tools are named %s; give one source a prefix".formatted(tool.spec().name()));
    return byName;
  }

  @Override
  public List<ToolSpec> tools() {
    return tools.values().stream().map(Tool::spec).toList();
  }

  @Override
  public List<Message> opening() {
    return sources.stream().flatMap(source -> source.opening().stream()).toList();
  }

  @Override
  public Observation step(List<ToolCall> asked) throws EnvironmentLost, InterruptedException {
    conversation.add(new Message.Assistant("", asked));
    List<ToolCall> taken = asked.subList(0, Math.min(asked.size(), MAX_CALLS));
    Optional<TurnReply> played = played();
    List<ToolAnswer> answers = played.isPresent() ? played.get().answers() : calls.run(taken);
    List<Result> results = new ArrayList<>();
    boolean done = played.map(TurnReply::done).orElse(false);
    Optional<Double> reward = played.flatMap(TurnReply::reward);
    for (int i = 0; i < answers.size(); i++) {
      ToolAnswer answer = answers.get(i);
      results.add(result(asked.get(i), answer));
      done |= answer.done();
      reward = sum(reward, answer.reward());
    }
    for (ToolCall call : asked.subList(answers.size(), asked.size()))
      results.add(
          new Result.Failed(call, "Error: at most %d calls a turn are run".formatted(MAX_CALLS)));
    return observed(new Observation(results, played.flatMap(TurnReply::says), done, reward));
  }

  @Override
  public Optional<Observation> reply(String content) throws EnvironmentLost, InterruptedException {
    conversation.add(new Message.Assistant(content, List.of()));
    return played()
        .map(reply ->
            observed(new Observation(List.of(), reply.says(), reply.done(), reply.reward())));
  }

  /// What the first source that plays whole turns makes of the last one.
  private Optional<TurnReply> played() throws EnvironmentLost, InterruptedException {
    for (OpenTools source : sources) {
      Optional<TurnReply> reply = source.turn(List.copyOf(conversation));
      if (reply.isPresent()) return reply;
    }
    return Optional.empty();
  }

  private static Result result(ToolCall call, ToolAnswer answer) {
    String text = answer.text().isEmpty() ? "(no output)" : answer.text();
    return answer.ok() ? new Result.Ok(call, text) : new Result.Failed(call, text);
  }

  private Observation observed(Observation observation) {
    observation.reward().ifPresent(stepRewards::add);
    conversation.addAll(observation.messages());
    return observation;
  }

  @Override
  public Optional<Reward> score(List<Message> transcript)
      throws EnvironmentLost, InterruptedException {
    return scoring.score(
        new Episode(
            opening.task(),
            opening.data(),
            transcript,
            opening.session(),
            stepRewards,
            () -> own(transcript)));
  }

  private Scorer.Score own(List<Message> transcript) throws EnvironmentLost, InterruptedException {
    for (OpenTools source : sources) {
      Optional<Verdict> verdict = source.verify(transcript);
      if (verdict.isPresent())
        return new Scorer.Score(verdict.get().value(), verdict.get().parts());
    }
    throw new EnvironmentLost("none of the environment's tools scores a rollout itself");
  }

  @Override
  public void close() {
    sources.forEach(OpenTools::close);
  }

  /// Several calls of one turn may each be rewarded; the turn's reward is their sum.
  private static Optional<Double> sum(Optional<Double> a, Optional<Double> b) {
    return a.isPresent() && b.isPresent() ? Optional.of(a.get() + b.get()) : a.or(() -> b);
  }
}
