package dev.turnstone.envadapters.mcp;

import dev.turnstone.envadapters.peer.Deadline;
import dev.turnstone.envadapters.peer.JsonText;
import dev.turnstone.envadapters.peer.Peer;
import dev.turnstone.envadapters.peer.RequestHeaders;
import dev.turnstone.envadapters.tools.ArgumentSchema;
import dev.turnstone.envadapters.tools.CallRules;
import dev.turnstone.envadapters.tools.Host;
import dev.turnstone.envadapters.tools.OutputLimit;
import dev.turnstone.envadapters.tools.Throttle;
import dev.turnstone.envadapters.tools.Tool;
import dev.turnstone.envadapters.tools.ToolAnswer;
import dev.turnstone.envadapters.tools.ToolEntry;
import dev.turnstone.envadapters.tools.ToolEntry.OnTimeout;
import dev.turnstone.rollout.Environment.EnvironmentLost;
import dev.turnstone.rollout.Json;
import dev.turnstone.rollout.ToolSpec;
import io.modelcontextprotocol.json.TypeRef;
import io.modelcontextprotocol.spec.McpError;
import io.modelcontextprotocol.spec.McpSchema;
import io.modelcontextprotocol.spec.McpSchema.JSONRPCResponse.JSONRPCError;
import java.util.Map;
import java.util.Objects;

/// One tool of one MCP session.
///
/// A result that says it is an error, and an error about the parameters, are what the policy reads;
/// a server that cannot be reached, answers nothing or breaks the protocol has lost the
/// environment.
final class McpTool implements Tool {
  private static final int IDEMPOTENT_ATTEMPTS = 3;
  private static final int INVALID_PARAMS = -32602;

  private final McpSource source;
  private final ToolEntry.Mcp entry;
  private final String name;
  private final ToolSpec spec;
  private final ArgumentSchema arguments;
  private final McpConnection connection;
  private final Throttle throttle;
  private final RequestHeaders secrets;
  private final OutputLimit output;

  McpTool(
      McpSource source,
      ToolEntry.Mcp entry,
      McpSchema.Tool tool,
      McpConnection connection,
      Throttle throttle,
      RequestHeaders secrets,
      Host host) {
    this.source = source;
    this.entry = entry;
    this.name = tool.name();
    var schema = McpMessages.JSON.convertValue(tool.inputSchema(), JsonText.TREE);
    this.arguments = ArgumentSchema.compile(schema, "inputSchema");
    this.spec =
        new ToolSpec(
            offered(entry, tool.name()),
            Objects.requireNonNullElse(tool.description(), ""),
            new Json(schema.toString()));
    this.connection = connection;
    this.throttle = throttle;
    this.secrets = secrets;
    this.output = new OutputLimit(entry.rules().output(), host.tokens());
  }

  /// Chat formats and policies know letters, digits, `_` and `-`; MCP allows more.
  private static String offered(ToolEntry.Mcp entry, String name) {
    String plain = (entry.chosen().prefix() + name).replaceAll("[^A-Za-z0-9_-]", "_");
    return plain.substring(0, Math.min(64, plain.length()));
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
    return entry.rules();
  }

  @Override
  public Throttle throttle() {
    return throttle;
  }

  @Override
  public ToolAnswer run(Call call) throws EnvironmentLost, InterruptedException {
    Map<String, Object> values =
        McpMessages.JSON.convertValue(call.arguments(), new TypeRef<Map<String, Object>>() {});
    for (int attempt = 1; ; attempt++) {
      Deadline limit =
          Deadline.in(call.deadline().cap(entry.timeout()), call.deadline().nanoTime());
      try {
        return McpContent.answer(connection.call(name, values, limit), output, secrets);
      } catch (McpError e) {
        return answered(e);
      } catch (McpFailure.TimedOut e) {
        return timedOut(call.deadline());
      } catch (McpFailure.Lost e) {
        if (!entry.rules().idempotent() || !e.passing() || attempt == IDEMPOTENT_ATTEMPTS)
          throw source.lost(String.valueOf(e.getMessage()), secrets);
      } catch (McpFailure e) {
        throw source.lost(String.valueOf(e.getMessage()), secrets);
      }
    }
  }

  private ToolAnswer timedOut(Deadline deadline) throws EnvironmentLost {
    if (deadline.passed()) return ToolAnswer.outOfTime();
    String after = Peer.seconds(entry.timeout());
    if (entry.onTimeout() == OnTimeout.TOOL_ERROR)
      return ToolAnswer.failed("Error: timed out after " + after);
    throw source.lost("did not answer a call of %s within %s".formatted(name, after), secrets);
  }

  /// Errors of JSON-RPC itself are the server's; of the others only the tool knows what they mean.
  private ToolAnswer answered(McpError error) throws EnvironmentLost {
    JSONRPCError said = error.getJsonRpcError();
    int code = said == null ? 0 : said.code();
    String text = secrets.blackOut(String.valueOf(error.getMessage()));
    if (code != INVALID_PARAMS && code >= -32768 && code <= -32000)
      throw source.lost(
          "answered a call of %s with error %d: %s".formatted(name, code, text), secrets);
    return ToolAnswer.failed(output.cut("Error %d: %s".formatted(code, text)));
  }
}
