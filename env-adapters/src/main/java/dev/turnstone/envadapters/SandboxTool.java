package dev.turnstone.envadapters;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.Environment.EnvironmentLost;
import dev.turnstone.rollout.Json;
import dev.turnstone.rollout.Observation.Result;
import dev.turnstone.rollout.ToolCall;
import dev.turnstone.rollout.ToolSpec;
import java.time.Duration;

/// Runs code in a sandbox service that speaks SandboxFusion's `/run_code`. Each call gets a fresh
/// sandbox, so a call may be repeated when the service did not take it.
///
/// A program that fails is a failed result with the end of its output; a service that fails, after
/// its retries, is a broken environment.
final class SandboxTool implements Tool {
  private static final int ATTEMPTS = 4;

  /// Compiling and waiting for a slot come on top of the program's own time.
  private static final Duration GRACE = Duration.ofSeconds(20);

  private final ToolEntry.Sandbox entry;
  private final ObjectNode parameters;
  private final ArgumentSchema arguments;
  private final Peer peer;

  SandboxTool(ToolEntry.Sandbox entry, Peers peers) {
    this.entry = entry;
    this.parameters = parameters(entry);
    this.arguments = ArgumentSchema.compile(parameters, "parameters");
    this.peer = peers.peer(entry.endpoint(), ATTEMPTS);
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
  public boolean parallel() {
    return false;
  }

  @Override
  public Result run(ToolCall call, JsonNode arguments, String session, Deadline deadline)
      throws EnvironmentLost, InterruptedException {
    Duration programTime = deadline.cap(entry.endpoint().timeout());
    if (!programTime.isPositive()) return Tool.outOfTime(call);
    String body =
        JsonText.object()
            .put("language", entry.language())
            .put("code", arguments.path(entry.argument()).textValue())
            .put("run_timeout", programTime.toNanos() / 1e9)
            .put("memory_limit_MB", entry.memoryLimitMb())
            .toString();
    Peer.Exchange exchange = new Peer.Exchange("POST", "run_code", body, session);
    Reply reply = peer.send(exchange, programTime.plus(GRACE), deadline);
    return switch (reply) {
      case Reply.Answered answer when answer.ok() && answer.whole() -> result(call, answer);
      case Reply.Answered answer when answer.status() == 413 ->
          new Result.Failed(call, "Error: the code is too long for the sandbox");
      case Reply.TimedOut late when late.ofSession() -> Tool.outOfTime(call);
      default -> throw peer.lost(reply);
    };
  }

  private Result result(ToolCall call, Reply.Answered answer) throws EnvironmentLost {
    SandboxReply reply;
    try {
      reply = SandboxReply.parse(answer.body());
    } catch (JsonText.Unreadable e) {
      throw peer.lost("answered what no sandbox answers: " + e.getMessage());
    }
    return switch (reply) {
      case SandboxReply.Success(String output) ->
          new Result.Ok(
              call,
              output.isEmpty() ? "(no output)" : Excerpt.ofMiddle(output, entry.maxOutputChars()));
      case SandboxReply.Failure(String output, String why) ->
          new Result.Failed(
              call,
              output.isEmpty()
                  ? "[" + why + "]"
                  : Excerpt.ofEnd(output, entry.maxOutputChars()) + "\n[" + why + "]");
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
