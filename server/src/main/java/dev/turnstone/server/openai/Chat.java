package dev.turnstone.server.openai;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.Policy.PolicyException;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.server.completion.Ask;
import dev.turnstone.server.completion.Choice;
import dev.turnstone.server.completion.Completion;
import dev.turnstone.server.completion.Completions;
import dev.turnstone.server.completion.Served;
import dev.turnstone.server.http.Call;
import dev.turnstone.server.http.ErrorShape;
import dev.turnstone.server.http.EventStream;
import dev.turnstone.server.http.Gate;
import dev.turnstone.server.http.Reply;
import dev.turnstone.server.http.Route;
import dev.turnstone.server.http.Scope;
import java.time.Clock;
import java.util.List;

/// `/v1/chat/completions`.
public final class Chat {
  private final Served served;
  private final Completions completions;
  private final Clock clock;

  public Chat(Served served, Completions completions, Clock clock) {
    this.served = served;
    this.completions = completions;
    this.clock = clock;
  }

  /// The routes.
  ///
  /// @param gate bounds the completions in flight
  public List<Route> routes(Gate gate) {
    return List.of(
        Route.post("/v1/chat/completions", Scope.AGENT, "ChatRequest", this::complete)
            .within(gate));
  }

  private Reply complete(Call call) throws InterruptedException {
    ChatRequest request = ChatRequest.read(call.body(), served);
    GenerationFields fields = request.fields();
    fields.model().ifPresent(served::checkModel);
    Tokens prompt = served.prompt(request.messages(), request.tools(), request.rendering());
    Ask ask =
        served
            .forced(
                fields.ask(
                    served,
                    prompt,
                    request.maxTokens(),
                    request.reading(),
                    request.top(),
                    "messages"),
                request.forced(),
                !request.oneCall())
            .withLogprobs(request.logprobs());
    String id = "chatcmpl-" + Completions.id(call);
    ChatJson json =
        new ChatJson(id, clock.instant().getEpochSecond(), request, served, ask.prompt());
    if (fields.stream())
      return completions.stream(
          id,
          List.of(ask),
          ErrorShape.OPENAI,
          (completion, out) -> stream(request, completion, json, out));
    return completions.plain(id, List.of(ask), choices -> Reply.ok(json.completion(choices)));
  }

  private static void stream(
      ChatRequest request, Completion completion, ChatJson json, EventStream out)
      throws InterruptedException, EventStream.Gone, PolicyException {
    List<Choice> choices = completion.choices();
    for (Choice choice : choices) send(request, choices, json.role(choice), out);
    if (!request.echoed().isEmpty())
      for (Choice choice : choices) send(request, choices, json.echo(choice), out);
    for (var grown = completion.next(out); !grown.isEmpty(); grown = completion.next(out))
      for (Choice choice : grown) grown(request, choices, json, choice, out);
    for (Choice choice : choices) send(request, choices, json.finish(choice), out);
    if (request.fields().includeUsage()) out.data(json.usageChunk(choices));
  }

  /// Text that is held back has no chunk, unless its tokens were asked for.
  private static void grown(
      ChatRequest request, List<Choice> choices, ChatJson json, Choice choice, EventStream out)
      throws InterruptedException, EventStream.Gone {
    boolean wantsTokens = request.logprobs() || request.fields().tokenIds();
    for (ObjectNode chunk : json.delta(choice, choice.delta(), wantsTokens))
      send(request, choices, chunk, out);
  }

  private static void send(
      ChatRequest request, List<Choice> choices, ObjectNode chunk, EventStream out)
      throws InterruptedException, EventStream.Gone {
    if (request.fields().usageAlways()) chunk.set("usage", TokenJson.usage(choices));
    out.data(chunk);
  }
}
