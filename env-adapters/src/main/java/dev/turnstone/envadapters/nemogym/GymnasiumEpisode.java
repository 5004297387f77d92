package dev.turnstone.envadapters.nemogym;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.envadapters.peer.Deadline;
import dev.turnstone.envadapters.peer.InvalidEnvironment;
import dev.turnstone.envadapters.peer.JsonText;
import dev.turnstone.envadapters.tools.ArgumentSchema;
import dev.turnstone.envadapters.tools.CallRules;
import dev.turnstone.envadapters.tools.OpenTools;
import dev.turnstone.envadapters.tools.Throttle;
import dev.turnstone.envadapters.tools.Tool;
import dev.turnstone.envadapters.tools.ToolAnswer;
import dev.turnstone.envadapters.tools.ToolSource.Opening;
import dev.turnstone.envadapters.tools.TurnReply;
import dev.turnstone.rollout.Environment.EnvironmentLost;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.ToolCall;
import dev.turnstone.rollout.ToolSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/// An episode of a NeMo Gym server in Gymnasium style: every turn, with or without tool calls, is a
/// `/step`, which answers with an observation and a reward.
final class GymnasiumEpisode implements OpenTools {
  private final GymPeer peer;
  private final ObjectNode row;
  private final List<Tool> tools;
  private final Deadline deadline;
  private final JsonNode reset;

  private GymnasiumEpisode(
      GymPeer peer, ObjectNode row, List<Tool> tools, Deadline deadline, JsonNode reset) {
    this.peer = peer;
    this.row = row;
    this.tools = tools;
    this.deadline = deadline;
    this.reset = reset;
  }

  static GymnasiumEpisode reset(GymPeer peer, ObjectNode row, List<ToolSpec> specs, Opening opening)
      throws EnvironmentLost, InterruptedException {
    List<Tool> tools = new ArrayList<>();
    for (ToolSpec spec : specs) {
      try {
        tools.add(new Shown(spec, peer.entry().rules()));
      } catch (InvalidEnvironment e) {
        throw peer.lost("row has a tool %s whose %s".formatted(spec.name(), e.getMessage()));
      }
    }
    JsonNode reset = peer.post("reset", row, opening.deadline());
    return new GymnasiumEpisode(peer, row, tools, opening.deadline(), reset);
  }

  @Override
  public List<Tool> tools() {
    return tools;
  }

  @Override
  public List<Message> opening() {
    String observation = reset.path("observation").asText("");
    return observation.isEmpty() ? List.of() : List.of(new Message.User(observation));
  }

  @Override
  public Optional<TurnReply> turn(List<Message> transcript)
      throws EnvironmentLost, InterruptedException {
    ObjectNode body = row.deepCopy();
    body.set("response", ResponseJson.of(row, List.of(transcript.getLast())));
    if (reset.at("/info/supports_step_idempotency").asBoolean())
      body.put("_ng_step_request_id", UUID.randomUUID().toString());
    JsonNode step = peer.post("step", body, deadline);
    JsonNode reward = step.path("reward");
    if (!reward.isNumber() || !Double.isFinite(reward.doubleValue()))
      throw peer.lost("answered /step with a reward that is not a finite number: " + reward);
    boolean done = step.path("terminated").asBoolean() || step.path("truncated").asBoolean();
    String says = step.path("observation").asText("");
    return Optional.of(
        new TurnReply(
            answers(transcript.getLast(), step),
            Optional.of(says).filter(text -> !text.isEmpty()),
            done,
            Optional.of(reward.doubleValue())));
  }

  private static List<ToolAnswer> answers(Message turn, JsonNode step) {
    List<ToolAnswer> answers = new ArrayList<>();
    if (turn instanceof Message.Assistant assistant)
      for (ToolCall call : assistant.toolCalls()) {
        ToolAnswer answer = ToolAnswer.ok("");
        for (JsonNode output : step.at("/info/tool_outputs"))
          if (output.path("call_id").asText().equals(call.id()))
            answer = ToolAnswer.ok(output.path("output").asText());
        answers.add(answer);
      }
    return answers;
  }

  @Override
  public void close() {
    if (!reset.at("/info/supports_explicit_close").asBoolean()) return;
    try {
      peer.post("close", JsonText.object(), peer.scoringDeadline());
    } catch (EnvironmentLost e) {
      // The rollout is over; a server that does not take its leave forgets the session by itself.
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /// A tool that the policy sees and that the whole turn's step runs.
  private record Shown(ToolSpec spec, ArgumentSchema arguments, CallRules rules, Throttle throttle)
      implements Tool {
    Shown(ToolSpec spec, CallRules rules) {
      this(
          spec,
          ArgumentSchema.compile(JsonText.readOwn(spec.parameters()), "parameters"),
          rules,
          new Throttle(rules, Thread::sleep));
    }

    @Override
    public ToolAnswer run(Call call) {
      throw new IllegalStateException("a turn in Gymnasium style is played as a whole");
    }
  }
}
