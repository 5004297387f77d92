package dev.turnstone.server;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.Policy.PolicyException;
import dev.turnstone.rollout.Tokens;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// `/v1/models` and `/v1/chat/completions`.
final class Chat {
  private static final Logger log = LoggerFactory.getLogger(Chat.class);

  private final Served served;
  private final Duration timeout;
  private final Clock clock;
  private final long started;

  /// Endpoints for one policy.
  ///
  /// @param timeout after which a completion ends with what it has
  Chat(Served served, Duration timeout, Clock clock) {
    this.served = served;
    this.timeout = timeout;
    this.clock = clock;
    this.started = clock.instant().getEpochSecond();
  }

  /// @param gate bounds the completions in flight
  List<Route> routes(Gate gate) {
    return List.of(
        Route.get("/v1/models", Scope.AGENT, call -> Reply.ok(models())),
        Route.get("/v1/models/:model", Scope.AGENT, call -> Reply.ok(model(call.path("model")))),
        Route.post("/v1/chat/completions", Scope.AGENT, "ChatRequest", this::complete)
            .within(gate));
  }

  private ObjectNode models() {
    var list = Wire.JSON.createObjectNode().put("object", "list");
    list.putArray("data").add(model(served.name()));
    return list;
  }

  private ObjectNode model(String name) {
    checkServed(name);
    var weights = served.policy().weights();
    var model =
        Wire.JSON
            .createObjectNode()
            .put("id", served.name())
            .put("object", "model")
            .put("created", started)
            .put("owned_by", "turnstone")
            .put("max_model_len", served.policy().contextLength());
    model
        .putObject("weights")
        .put("lineage", weights.lineage())
        .put("version", weights.version())
        .put("sha256", weights.sha256());
    return model;
  }

  private void checkServed(String name) {
    if (!name.equals(served.name()) && !name.equals("default"))
      throw Refused.notFound(
          "the model %s does not exist: this server serves %s".formatted(name, served.name()),
          "model",
          "model_not_found");
  }

  private Reply complete(Call call) throws InterruptedException {
    ChatRequest request = ChatRequest.read(call.body());
    request.model().ifPresent(this::checkServed);
    Tokens prompt = prompt(request);
    int room = served.policy().contextLength() - prompt.size();
    if (room < 1) throw Refused.tooLong(prompt.size(), served.policy().contextLength());
    int maxTokens = Math.min(request.maxTokens(), room);
    ChatJson json =
        new ChatJson(
            "chatcmpl-" + UUID.randomUUID().toString().replace("-", ""),
            clock.instant().getEpochSecond(),
            request,
            served,
            prompt);
    if (request.stream())
      return new Reply.Events(out -> stream(request, prompt, maxTokens, json, out));
    try (Completion completion = start(request, prompt, maxTokens)) {
      while (!completion.next().isEmpty()) {}
      return Reply.ok(json.completion(completion.choices()));
    } catch (PolicyException e) {
      throw failed(e);
    }
  }

  private Completion start(ChatRequest request, Tokens prompt, int maxTokens) {
    return new Completion(request, served, prompt, maxTokens, timeout);
  }

  private Tokens prompt(ChatRequest request) {
    try {
      return served.format().prompt(request.messages(), request.tools());
    } catch (IllegalArgumentException e) {
      throw Refused.bad("the chat template refuses the messages: " + e.getMessage(), "messages");
    }
  }

  private void stream(
      ChatRequest request, Tokens prompt, int maxTokens, ChatJson json, EventStream out)
      throws InterruptedException, EventStream.Gone {
    try (Completion completion = start(request, prompt, maxTokens)) {
      for (Choice choice : completion.choices()) out.data(json.role(choice));
      for (var grown = completion.next(); !grown.isEmpty(); grown = completion.next())
        for (Choice choice : grown) grown(request, json, choice, out);
      for (Choice choice : completion.choices()) out.data(json.finish(choice));
      if (request.includeUsage()) out.data(json.usageChunk(completion.choices()));
    } catch (PolicyException e) {
      out.data(failed(e).body());
    }
    out.done();
  }

  /// Text that is held back has no chunk, unless its tokens were asked for.
  private static void grown(ChatRequest request, ChatJson json, Choice choice, EventStream out)
      throws InterruptedException, EventStream.Gone {
    boolean wantsTokens = request.logprobs() || request.tokenIds();
    Choice.Delta delta = choice.delta();
    if (!delta.pieces().isEmpty() || (wantsTokens && !delta.tokens().isEmpty()))
      out.data(json.delta(choice, delta));
  }

  private static Refused failed(PolicyException e) {
    log.error("the policy failed", e);
    return Refused.broken("the policy failed; the server's log says why");
  }
}
