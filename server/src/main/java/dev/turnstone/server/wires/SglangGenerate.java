package dev.turnstone.server.wires;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import dev.turnstone.rollout.Policy.PolicyException;
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

/// SGLang's `/generate`: text or ids in, both out.
public final class SglangGenerate {
  private final Served served;
  private final Completions completions;
  private final Steering steering;

  public SglangGenerate(Served served, Completions completions, Steering steering) {
    this.served = served;
    this.completions = completions;
    this.steering = steering;
  }

  /// The routes.
  ///
  /// @param gate bounds the completions in flight
  public List<Route> routes(Gate gate) {
    return List.of(
        Route.post("/generate", Scope.AGENT, "SglangGenerateRequest", this::generate)
            .within(gate)
            .errors(WireErrors.SGLANG));
  }

  private Reply generate(Call call) throws InterruptedException {
    SglangRequest request = SglangRequest.read(call.body(), served);
    SglangJson json = new SglangJson(request, served, steering);
    // A batch is aborted as a whole.
    String id = request.ids().getFirst();
    if (request.stream())
      return completions.stream(
          id,
          request.asks(),
          WireErrors.SGLANG,
          (completion, out) -> stream(request, completion, json, out));
    return completions.plain(id, request.asks(), choices -> plain(request, choices, json));
  }

  private static Reply plain(SglangRequest request, List<Choice> choices, SglangJson json) {
    if (!request.batch()) return Reply.ok(whole(choices.getFirst(), json));
    ArrayNode list = Wire.JSON.createArrayNode();
    for (Choice choice : choices) list.add(whole(choice, json));
    return Reply.ok(list);
  }

  private static JsonNode whole(Choice choice, SglangJson json) {
    return json.reply(choice, choice.content(), choice.tokens());
  }

  private static void stream(
      SglangRequest request, Completion completion, SglangJson json, EventStream out)
      throws InterruptedException, EventStream.Gone, PolicyException {
    for (var grown = completion.next(out); !grown.isEmpty(); grown = completion.next(out))
      for (Choice choice : grown) {
        Choice.Delta delta = choice.delta();
        if (delta.tokens().isEmpty() && choice.finish().isEmpty()) continue;
        out.data(
            request.whole()
                ? whole(choice, json)
                : json.reply(choice, delta.content(), delta.tokens()));
      }
  }
}
