package dev.turnstone.envadapters.openenv;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.envadapters.peer.Deadline;
import dev.turnstone.envadapters.peer.InvalidEnvironment;
import dev.turnstone.envadapters.tools.Host;
import dev.turnstone.envadapters.tools.OpenTools;
import dev.turnstone.envadapters.tools.OutputLimit;
import dev.turnstone.envadapters.tools.Throttle;
import dev.turnstone.envadapters.tools.Tool;
import dev.turnstone.envadapters.tools.ToolAnswer;
import dev.turnstone.envadapters.tools.ToolEntry;
import dev.turnstone.envadapters.tools.ToolEntry.OnTimeout;
import dev.turnstone.rollout.Environment.EnvironmentLost;
import dev.turnstone.rollout.Message;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;

/// One episode on its WebSocket. The protocol has no ids, so one question is out at a time.
final class OpenEnvEpisode implements OpenTools {
  private final Parts parts;
  private final OutputLimit output;
  private final List<Message> opening;
  private final List<Tool> tools = new ArrayList<>();
  private final ReentrantLock turn = new ReentrantLock(true);

  /// What an episode is made of.
  record Parts(
      OpenEnvSource source,
      ToolEntry.OpenEnv entry,
      Host host,
      Throttle throttle,
      EnvSocket socket) {}

  private OpenEnvEpisode(Parts parts, JsonNode first) {
    this.parts = parts;
    this.output = new OutputLimit(parts.entry().rules().output(), parts.host().tokens());
    JsonNode observation = first.at("/data/observation");
    this.opening =
        observation.isEmpty() && !observation.isTextual()
            ? List.of()
            : List.of(new Message.User(output.cut(EpisodeJson.text(observation))));
  }

  /// A server that lists tools.
  static OpenEnvEpisode ofTools(Parts parts, JsonNode first, List<JsonNode> tools)
      throws EnvironmentLost {
    OpenEnvEpisode episode = new OpenEnvEpisode(parts, first);
    for (JsonNode tool : tools) {
      String name = tool.path("name").asText();
      JsonNode schema =
          tool.has("inputSchema") ? tool.get("inputSchema") : tool.path("input_schema");
      episode.add(
          name,
          tool.path("description").asText(""),
          schema,
          arguments -> EpisodeJson.callTool(name, arguments));
    }
    return episode;
  }

  /// A server whose action is the argument of one tool.
  static OpenEnvEpisode ofActions(Parts parts, JsonNode first, JsonNode schema)
      throws EnvironmentLost {
    OpenEnvEpisode episode = new OpenEnvEpisode(parts, first);
    ObjectNode action = schema.isObject() ? schema.deepCopy() : null;
    if (action == null) throw parts.source().lost("does not say what an action is");
    if (action.path("properties") instanceof ObjectNode properties) properties.remove("metadata");
    episode.add(
        parts.entry().tool(),
        action.path("description").asText("Acts in the environment."),
        action,
        EpisodeJson::step);
    return episode;
  }

  private void add(String name, String description, JsonNode schema, EpisodeTool.Question question)
      throws EnvironmentLost {
    try {
      tools.add(new EpisodeTool(this, name, description, schema, question));
    } catch (InvalidEnvironment e) {
      throw parts.source().lost("has a tool %s whose %s".formatted(name, e.getMessage()));
    }
  }

  Parts parts() {
    return parts;
  }

  @Override
  public List<Tool> tools() {
    return List.copyOf(tools);
  }

  @Override
  public List<Message> opening() {
    return opening;
  }

  /// Takes a step.
  ToolAnswer step(JsonNode question, Deadline deadline)
      throws EnvironmentLost, InterruptedException {
    turn.lockInterruptibly();
    try {
      return answer(parts.socket().ask(question, parts.source().limit(deadline)));
    } catch (EnvSocket.Gone e) {
      if (e.late() && deadline.passed()) return ToolAnswer.outOfTime();
      // A late answer would be taken for the next question's: nothing can follow on this socket.
      if (e.late() && parts.entry().onTimeout() == OnTimeout.TOOL_ERROR)
        return new ToolAnswer(
            false, "Error: the environment took too long", true, Optional.empty());
      throw parts.source().lost(String.valueOf(e.getMessage()));
    } finally {
      turn.unlock();
    }
  }

  private ToolAnswer answer(JsonNode answer) throws EnvironmentLost {
    switch (EpisodeJson.code(answer)) {
      case "" -> {}
      case "VALIDATION_ERROR", "INVALID_JSON", "EXECUTION_ERROR" -> {
        return ToolAnswer.failed(output.cut("Error: " + EpisodeJson.error(answer)));
      }
      default -> throw parts.source().lost("answered a step with " + EpisodeJson.error(answer));
    }
    if (!EpisodeJson.isObservation(answer))
      throw parts.source().lost("answered a step with " + EpisodeJson.error(answer));
    JsonNode data = answer.path("data");
    JsonNode observation = data.path("observation");
    JsonNode error = observation.path("error");
    boolean failed = error.isObject() && observation.has("tool_name");
    String text =
        failed ? "Error: " + error.path("message").asText() : EpisodeJson.text(observation);
    return new ToolAnswer(
        !failed, output.cut(text), data.path("done").asBoolean(), reward(data.path("reward")));
  }

  private Optional<Double> reward(JsonNode reward) throws EnvironmentLost {
    if (reward.isNull() || reward.isMissingNode()) return Optional.empty();
    if (reward.isNumber() && Double.isFinite(reward.doubleValue()))
      return Optional.of(reward.doubleValue());
    throw parts.source().lost("gave a reward that is not a finite number: " + reward);
  }

  @Override
  public void close() {
    parts.socket().close();
  }
}
