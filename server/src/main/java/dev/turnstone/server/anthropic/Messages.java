package dev.turnstone.server.anthropic;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.rollout.Policy.PolicyException;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.server.completion.Ask;
import dev.turnstone.server.completion.Choice;
import dev.turnstone.server.completion.Completion;
import dev.turnstone.server.completion.Completions;
import dev.turnstone.server.completion.Served;
import dev.turnstone.server.http.Call;
import dev.turnstone.server.http.EventStream;
import dev.turnstone.server.http.Gate;
import dev.turnstone.server.http.Reply;
import dev.turnstone.server.http.Route;
import dev.turnstone.server.http.Scope;
import dev.turnstone.server.http.Wire;
import java.util.List;

/// `/v1/messages` and `/v1/messages/count_tokens`.
///
/// Coding agents ask for models by Anthropic's names, several in one session: any name that begins
/// with `claude` means the policy that is served.
public final class Messages {
  private final Served served;
  private final Completions completions;

  public Messages(Served served, Completions completions) {
    this.served = served;
    this.completions = completions;
  }

  /// The routes.
  ///
  /// @param gate bounds the completions in flight
  public List<Route> routes(Gate gate) {
    return List.of(
        Route.post("/v1/messages", Scope.AGENT, "MessagesRequest", this::create)
            .within(gate)
            .errors(AnthropicErrors.SHAPE),
        Route.post("/v1/messages/count_tokens", Scope.AGENT, "CountTokensRequest", this::count)
            .errors(AnthropicErrors.SHAPE));
  }

  private Reply count(Call call) {
    checkModel(call.body());
    Tokens prompt = prompt(MessagesRequest.read(call.body(), served));
    return Reply.ok(Wire.JSON.createObjectNode().put("input_tokens", prompt.size()));
  }

  private void checkModel(JsonNode body) {
    String model = body.path("model").asText("");
    if (!model.isEmpty() && !model.startsWith("claude")) served.checkModel(model);
  }

  private Tokens prompt(MessagesRequest request) {
    return served.prompt(request.messages(), request.tools(), request.rendering());
  }

  private Reply create(Call call) throws InterruptedException {
    checkModel(call.body());
    MessagesRequest request = MessagesRequest.read(call.body(), served);
    Tokens prompt = prompt(request);
    int bound = Math.min(request.maxTokens(), served.room(prompt, "messages"));
    Ask ask =
        served
            .forced(
                new Ask(prompt, request.sampling(), 1, bound, request.ends(), request.reading()),
                request.forced(),
                !request.reading().oneCall())
            .withLogprobs(false);
    String id = "msg_" + Completions.id(call);
    String model = call.body().path("model").asText(served.name());
    if (request.stream())
      return completions.stream(
          id,
          List.of(ask),
          (completion, out) -> stream(id, model, completion, out),
          (failure, out) -> out.event("error", AnthropicErrors.SHAPE.body(failure)));
    return completions.plain(
        id, List.of(ask), choices -> Reply.ok(MessagesJson.message(id, model, choices.getFirst())));
  }

  private static void stream(String id, String model, Completion completion, EventStream out)
      throws InterruptedException, EventStream.Gone, PolicyException {
    Choice choice = completion.choices().getFirst();
    MessagesStream events = new MessagesStream(out);
    events.start(id, model, choice);
    while (!completion.next(out).isEmpty()) events.delta(choice.delta());
    events.end(choice);
  }
}
