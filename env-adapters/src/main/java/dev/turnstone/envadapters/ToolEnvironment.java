package dev.turnstone.envadapters;

import dev.turnstone.envadapters.peer.Deadline;
import dev.turnstone.envadapters.peer.JsonText;
import dev.turnstone.envadapters.rewards.Episode;
import dev.turnstone.envadapters.rewards.Scoring;
import dev.turnstone.envadapters.tools.Host;
import dev.turnstone.envadapters.tools.OpenTools;
import dev.turnstone.envadapters.tools.ToolSource;
import dev.turnstone.envadapters.tools.ToolSource.Opening;
import dev.turnstone.rollout.Environment;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.Reward;
import dev.turnstone.rollout.Task;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/// An environment of tool sources and rewards. Opening it opens every source for the one rollout.
final class ToolEnvironment implements Environment {
  private final EnvironmentSpec spec;
  private final List<ToolSource> sources;
  private final Scoring scoring;
  private final Host host;

  ToolEnvironment(EnvironmentSpec spec, Host host) {
    this.spec = spec;
    this.host = host;
    this.sources = spec.tools().stream().map(entry -> Sources.of(entry, host)).toList();
    this.scoring = new Scoring(spec.rewards(), host.peers());
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
  public Session open(Task task, long seed, Duration time)
      throws EnvironmentLost, InterruptedException {
    // Found now, it costs nothing; found when scoring, it would cost the whole rollout.
    Optional<String> objection = objection(task);
    if (objection.isPresent()) throw new EnvironmentLost(objection.get());
    Opening opening =
        new Opening(
            task,
            JsonText.readOwn(task.data()),
            seed,
            UUID.randomUUID().toString(),
            Deadline.in(time, host.peers().nanoTime()));
    List<OpenTools> open = new ArrayList<>();
    boolean whole = false;
    try {
      for (ToolSource source : sources) open.add(source.open(opening));
      ToolSession session = new ToolSession(opening, open, scoring);
      whole = true;
      return session;
    } finally {
      if (!whole) open.forEach(OpenTools::close);
    }
  }

  /// Scores a stored conversation again.
  ///
  /// @throws IllegalArgumentException with one sentence if that takes the session it was made in
  Optional<Reward> score(Task task, List<Message> transcript, List<Double> stepRewards)
      throws EnvironmentLost, InterruptedException {
    Optional<String> why = objection(task).or(scoring::onlyLive);
    if (why.isPresent())
      throw new IllegalArgumentException(
          "environment %s cannot score group %s again: %s"
              .formatted(spec.environment(), task.id(), why.get()));
    return scoring.score(
        new Episode(
            task,
            JsonText.readOwn(task.data()),
            transcript,
            UUID.randomUUID().toString(),
            stepRewards,
            () -> {
              throw new EnvironmentLost("the environment's session is gone");
            }));
  }
}
