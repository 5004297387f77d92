package dev.turnstone.envadapters;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.rollout.Environment.EnvironmentLost;
import dev.turnstone.rollout.Observation.Result;
import dev.turnstone.rollout.ToolCall;
import dev.turnstone.rollout.ToolSpec;

/// A tool behind any HTTP service: the arguments are the body, the answer's body is the
/// observation.
///
/// 2xx is a result. 4xx is the tool's opinion of the arguments, which the policy reads. Everything
/// else (5xx, 3xx, busy, unauthorised, unreachable) is a broken environment.
final class HttpTool implements Tool {
  private static final int IDEMPOTENT_ATTEMPTS = 3;

  private final ToolEntry.Http entry;
  private final ArgumentSchema arguments;
  private final Peer peer;

  HttpTool(ToolEntry.Http entry, Peers peers) {
    this.entry = entry;
    this.arguments = ArgumentSchema.compile(JsonText.readOwn(entry.parameters()), "parameters");
    this.peer = peers.peer(entry.endpoint(), entry.idempotent() ? IDEMPOTENT_ATTEMPTS : 1);
  }

  @Override
  public ToolSpec spec() {
    return new ToolSpec(entry.name(), entry.description(), entry.parameters());
  }

  @Override
  public ArgumentSchema arguments() {
    return arguments;
  }

  @Override
  public boolean parallel() {
    return entry.idempotent();
  }

  @Override
  public Result run(ToolCall call, JsonNode arguments, String session, Deadline deadline)
      throws EnvironmentLost, InterruptedException {
    // What was checked is what is sent: duplicate keys and the like are gone.
    Peer.Exchange exchange =
        new Peer.Exchange(entry.method().name(), "", arguments.toString(), session);
    Reply reply = peer.send(exchange, entry.endpoint().timeout(), deadline);
    return switch (reply) {
      case Reply.Answered answer when answer.ok() -> new Result.Ok(call, text(answer));
      case Reply.Answered answer when aboutArguments(answer.status()) ->
          new Result.Failed(call, "Error %d: %s".formatted(answer.status(), text(answer)));
      case Reply.TimedOut late when late.ofSession() -> Tool.outOfTime(call);
      case Reply.TimedOut late when entry.onTimeout() == ToolEntry.OnTimeout.TOOL_ERROR ->
          new Result.Failed(call, "Error: timed out after " + Peer.seconds(late.after()));
      default -> throw peer.lost(reply);
    };
  }

  /// 401, 405 and 407 are about the registration, which the policy can do nothing about.
  private static boolean aboutArguments(int status) {
    return status >= 400
        && status < 500
        && !Peer.passing(status)
        && status != 401
        && status != 405
        && status != 407;
  }

  private String text(Reply.Answered answer) {
    if (!answer.whole())
      return Excerpt.ofMiddle(answer.body(), entry.maxOutputChars())
          + "\n[the answer was longer than 16 MiB; the rest was not read]";
    String body = compact(answer.body());
    return body.isBlank() ? "(no output)" : Excerpt.ofMiddle(body, entry.maxOutputChars());
  }

  /// JSON without the white space that would only cost tokens; other text as it is.
  private static String compact(String body) {
    try {
      return JsonText.read(body).toString();
    } catch (JsonText.Unreadable e) {
      return body;
    }
  }
}
