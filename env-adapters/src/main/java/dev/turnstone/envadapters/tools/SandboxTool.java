package dev.turnstone.envadapters.tools;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.envadapters.peer.JsonText;
import dev.turnstone.envadapters.peer.Peer;
import dev.turnstone.envadapters.peer.Reply;
import dev.turnstone.envadapters.peer.SandboxReply;
import dev.turnstone.envadapters.tools.CallRules.Keep;
import dev.turnstone.rollout.Environment.EnvironmentLost;
import dev.turnstone.rollout.Json;
import dev.turnstone.rollout.ToolSpec;
import java.time.Duration;

/// Runs code in a sandbox service that speaks SandboxFusion's `/run_code`. Each call gets a fresh
/// sandbox, so a call may be repeated when the service did not take it.
///
/// A program that fails is a failed result with the end of its output; a service that fails, after
/// its retries, is a broken environment.
public final class SandboxTool implements Tool {
  private static final int ATTEMPTS = 4;

  /// Compiling and waiting for a slot come on top of the program's own time.
  private static final Duration GRACE = Duration.ofSeconds(20);

  private final ToolEntry.Sandbox entry;
  private final ObjectNode parameters;
  private final ArgumentSchema arguments;
  private final Throttle throttle;
  private final OutputLimit output;
  private final Peer peer;

  public SandboxTool(ToolEntry.Sandbox entry, Host host) {
    this.entry = entry;
    this.parameters = parameters(entry);
    this.arguments = ArgumentSchema.compile(parameters, "parameters");
    this.throttle = host.throttle(entry.rules());
    this.output = new OutputLimit(entry.rules().output(), host.tokens());
    this.peer = host.peers().peer(entry.endpoint(), entry.rules().idempotent() ? ATTEMPTS : 1);
  }

  @Override
  public ToolSpec spec() {
    return new ToolSpec(entry.name(), entry.description(), new Json(parameters.toString()));
  }

  @Override
  public ArgumentSchema arguments() {
    return arguments;
  }

  @Override
  public CallRules rules() {
    return entry.rules();
  }

  @Override
  public Throttle throttle() {
    return throttle;
  }

  @Override
  public ToolAnswer run(Call call) throws EnvironmentLost, InterruptedException {
    Duration programTime = call.deadline().cap(entry.endpoint().timeout());
    if (!programTime.isPositive()) return ToolAnswer.outOfTime();
    ObjectNode body =
        JsonText.object()
            .put("language", entry.language())
            .put("code", call.arguments().path(entry.argument()).textValue())
            .put("run_timeout", programTime.toNanos() / 1e9)
            .put("memory_limit_MB", entry.memoryLimitMb());
    for (String host : entry.network()) body.withArray("network").add(host);
    Peer.Exchange exchange = Peer.Exchange.post("run_code", body.toString(), call.session());
    Reply reply = peer.send(exchange, programTime.plus(GRACE), call.deadline());
    return switch (reply) {
      case Reply.Answered answer when answer.ok() && answer.whole() -> result(answer);
      case Reply.Answered answer when answer.status() == 413 ->
          ToolAnswer.failed("Error: the code is too long for the sandbox");
      case Reply.TimedOut late when late.ofSession() -> ToolAnswer.outOfTime();
      default -> throw peer.lost(reply);
    };
  }

  private ToolAnswer result(Reply.Answered answer) throws EnvironmentLost {
    SandboxReply reply;
    try {
      reply = SandboxReply.parse(answer.body());
    } catch (JsonText.Unreadable e) {
      throw peer.lost("answered what no sandbox answers: " + e.getMessage());
    }
    return switch (reply) {
      case SandboxReply.Success(String text) ->
          ToolAnswer.ok(text.isEmpty() ? "(no output)" : output.cut(text));
      case SandboxReply.Failure(String text, String why) ->
          ToolAnswer.failed(
              text.isEmpty() ? "[" + why + "]" : output.cut(text, Keep.TAIL) + "\n[" + why + "]");
      case SandboxReply.Broken(String why) -> throw peer.lost("could not run the code: " + why);
    };
  }

  private static ObjectNode parameters(ToolEntry.Sandbox entry) {
    ObjectNode schema = JsonText.object().put("type", "object");
    schema
        .putObject("properties")
        .putObject(entry.argument())
        .put("type", "string")
        .put("description", "The " + entry.language() + " code to run");
    schema.putArray("required").add(entry.argument());
    return schema;
  }
}
