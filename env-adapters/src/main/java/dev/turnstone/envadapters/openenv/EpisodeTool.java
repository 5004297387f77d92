package dev.turnstone.envadapters.openenv;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.envadapters.tools.ArgumentSchema;
import dev.turnstone.envadapters.tools.CallRules;
import dev.turnstone.envadapters.tools.Throttle;
import dev.turnstone.envadapters.tools.Tool;
import dev.turnstone.envadapters.tools.ToolAnswer;
import dev.turnstone.rollout.Environment.EnvironmentLost;
import dev.turnstone.rollout.Json;
import dev.turnstone.rollout.ToolSpec;

/// A tool of an OpenEnv episode: its arguments become a step.
final class EpisodeTool implements Tool {
  private final OpenEnvEpisode episode;
  private final ToolSpec spec;
  private final ArgumentSchema arguments;
  private final Question question;

  EpisodeTool(
      OpenEnvEpisode episode, String name, String description, JsonNode schema, Question question) {
    this.episode = episode;
    this.arguments = ArgumentSchema.compile(schema, "schema");
    this.spec = new ToolSpec(name, description, new Json(schema.toString()));
    this.question = question;
  }

  /// Makes the step of arguments.
  @FunctionalInterface
  interface Question {
    JsonNode of(JsonNode arguments);
  }

  @Override
  public ToolSpec spec() {
    return spec;
  }

  @Override
  public ArgumentSchema arguments() {
    return arguments;
  }

  @Override
  public CallRules rules() {
    return episode.parts().entry().rules();
  }

  @Override
  public Throttle throttle() {
    return episode.parts().throttle();
  }

  @Override
  public ToolAnswer run(Call call) throws EnvironmentLost, InterruptedException {
    return episode.step(question.of(call.arguments()), call.deadline());
  }
}
