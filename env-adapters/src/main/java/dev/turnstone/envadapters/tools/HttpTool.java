package dev.turnstone.envadapters.tools;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.envadapters.peer.Endpoint;
import dev.turnstone.envadapters.peer.JsonText;
import dev.turnstone.envadapters.peer.Peer;
import dev.turnstone.envadapters.peer.Reply;
import dev.turnstone.envadapters.tools.ToolEntry.OnTimeout;
import dev.turnstone.rollout.Environment.EnvironmentLost;
import dev.turnstone.rollout.ToolSpec;

/// A tool behind any HTTP service: the arguments make the request, the answer's body is the
/// observation.
///
/// 2xx is a result. 4xx is the tool's opinion of the arguments, which the policy reads. Everything
/// else (5xx, 3xx, busy, unauthorised, unreachable) is a broken environment.
public final class HttpTool implements Tool {
  private static final int IDEMPOTENT_ATTEMPTS = 3;

  private final ToolSpec spec;
  private final ArgumentSchema arguments;
  private final CallRules rules;
  private final Throttle throttle;
  private final OutputLimit output;
  private final RequestShape shape;
  private final Endpoint endpoint;
  private final OnTimeout onTimeout;
  private final Peer peer;

  /// A tool of a shape that its registration or an OpenAPI document gives it.
  ///
  /// @param throttle may be shared with other tools
  public HttpTool(
      ToolSpec spec,
      RequestShape shape,
      Endpoint endpoint,
      CallRules rules,
      OnTimeout onTimeout,
      Throttle throttle,
      Host host) {
    this.spec = spec;
    this.arguments = ArgumentSchema.compile(JsonText.readOwn(spec.parameters()), "parameters");
    this.rules = rules;
    this.throttle = throttle;
    this.output = new OutputLimit(rules.output(), host.tokens());
    this.shape = shape;
    this.endpoint = endpoint;
    this.onTimeout = onTimeout;
    this.peer = host.peers().peer(endpoint, rules.idempotent() ? IDEMPOTENT_ATTEMPTS : 1);
  }

  /// The tool of an entry that describes one.
  public static HttpTool of(ToolEntry.Http entry, Host host) {
    return new HttpTool(
        new ToolSpec(entry.name(), entry.description(), entry.parameters()),
        RequestShape.of(entry.method()),
        entry.endpoint(),
        entry.rules(),
        entry.onTimeout(),
        host.throttle(entry.rules()),
        host);
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
    // What was checked is what is sent: duplicate keys and the like are gone.
    Peer.Exchange exchange = shape.exchange(call.arguments(), call.session());
    Reply reply = peer.send(exchange, endpoint.timeout(), call.deadline());
    return switch (reply) {
      case Reply.Answered answer when answer.ok() -> ToolAnswer.ok(text(answer));
      case Reply.Answered answer when aboutArguments(answer.status()) ->
          ToolAnswer.failed("Error %d: %s".formatted(answer.status(), text(answer)));
      case Reply.TimedOut late when late.ofSession() -> ToolAnswer.outOfTime();
      case Reply.TimedOut late when onTimeout == OnTimeout.TOOL_ERROR ->
          ToolAnswer.failed("Error: timed out after " + Peer.seconds(late.after()));
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
      return output.cut(answer.body())
          + "\n[the answer was longer than 16 MiB; the rest was not read]";
    String body = compact(answer.body());
    return body.isBlank() ? "(no output)" : output.cut(body);
  }

  /// JSON without the white space that would only cost tokens; other text as it is.
  private static String compact(String body) {
    try {
      JsonNode json = JsonText.read(body);
      return json.toString();
    } catch (JsonText.Unreadable e) {
      return body;
    }
  }
}
