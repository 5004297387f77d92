package dev.turnstone.envadapters.nemogym;

import dev.turnstone.envadapters.peer.JsonText;
import dev.turnstone.envadapters.peer.Peer;
import dev.turnstone.envadapters.peer.Reply;
import dev.turnstone.envadapters.tools.ArgumentSchema;
import dev.turnstone.envadapters.tools.CallRules;
import dev.turnstone.envadapters.tools.Host;
import dev.turnstone.envadapters.tools.OutputLimit;
import dev.turnstone.envadapters.tools.Throttle;
import dev.turnstone.envadapters.tools.Tool;
import dev.turnstone.envadapters.tools.ToolAnswer;
import dev.turnstone.envadapters.tools.ToolEntry.OnTimeout;
import dev.turnstone.rollout.Environment.EnvironmentLost;
import dev.turnstone.rollout.ToolSpec;

/// A tool of a NeMo Gym server: a route of its name whose answer, an error's too, is the policy's
/// to read. What no route answered is a broken environment.
final class GymTool implements Tool {
  private final ToolSpec spec;
  private final ArgumentSchema arguments;
  private final CallRules rules;
  private final Throttle throttle;
  private final GymPeer peer;
  private final OutputLimit output;

  GymTool(ToolSpec spec, CallRules rules, Throttle throttle, GymPeer peer, Host host) {
    this.spec = spec;
    this.arguments = ArgumentSchema.compile(JsonText.readOwn(spec.parameters()), "parameters");
    this.rules = rules;
    this.throttle = throttle;
    this.peer = peer;
    this.output = new OutputLimit(rules.output(), host.tokens());
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
    return rules;
  }

  @Override
  public Throttle throttle() {
    return throttle;
  }

  @Override
  public ToolAnswer run(Call call) throws EnvironmentLost, InterruptedException {
    Reply reply = peer.send(spec.name(), call.arguments(), call.deadline());
    return switch (reply) {
      case Reply.Answered answer when answer.ok() -> ToolAnswer.ok(output.cut(answer.body()));
      // A proxy's or a dying server's, not the tool's.
      case Reply.Answered answer when answer.status() >= 502 && answer.status() <= 504 ->
          throw peer.lost(reply);
      case Reply.Answered answer when answer.status() >= 400 ->
          ToolAnswer.failed(output.cut(answer.body()));
      case Reply.TimedOut late when late.ofSession() -> ToolAnswer.outOfTime();
      case Reply.TimedOut late when peer.entry().onTimeout() == OnTimeout.TOOL_ERROR ->
          ToolAnswer.failed("Error: timed out after " + Peer.seconds(late.after()));
      default -> throw peer.lost(reply);
    };
  }
}
