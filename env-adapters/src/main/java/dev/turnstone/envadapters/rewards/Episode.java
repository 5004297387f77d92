package dev.turnstone.envadapters.rewards;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.rollout.Environment.EnvironmentLost;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.Task;
import java.util.List;

/// A finished conversation as scorers see it, whether its rollout has just ended or was stored.
///
/// @param data of the task
/// @param session sent to services, so that they can tell rollouts apart
/// @param stepRewards what the environment gave for steps, in order
/// @param own asks the environment that the rollout ran in, while it is open
public record Episode(
    Task task,
    JsonNode data,
    List<Message> transcript,
    String session,
    List<Double> stepRewards,
    Own own) {
  public Episode {
    transcript = List.copyOf(transcript);
    stepRewards = List.copyOf(stepRewards);
  }

  /// The environment's own opinion.
  @FunctionalInterface
  public interface Own {
    Scorer.Score score() throws EnvironmentLost, InterruptedException;
  }
}
