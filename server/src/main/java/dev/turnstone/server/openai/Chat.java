package dev.turnstone.server.openai;

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
    ChatRequest request = ChatRequest.read(call.body());
    request.fields().model().ifPresent(served::checkModel);
    Tokens prompt = served.prompt(request.messages(), request.tools());
    Ask ask =
        request.fields().ask(served, prompt, request.maxTokens(), request.reading(), "messages");
    String id = "chatcmpl-" + completions.id(call);
    ChatJson json = new ChatJson(id, clock.instant().getEpochSecond(), request, served, prompt);
    if (request.fields().stream())
      return completions.stream(
          id,
          List.of(ask),
          (completion, out) -> {
            stream(request, completion, json, out);
          });
    return completions.plain(id, List.of(ask), choices -> Reply.ok(json.completion(choices)));
  }

  private static void stream(
      ChatRequest request, Completion completion, ChatJson json, EventStream out)
      throws InterruptedException, EventStream.Gone, PolicyException {
    for (Choice choice : completion.choices()) out.data(json.role(choice));
    for (var grown = completion.next(); !grown.isEmpty(); grown = completion.next())
      for (Choice choice : grown) grown(request, json, choice, out);
    for (Choice choice : completion.choices()) out.data(json.finish(choice));
    if (request.fields().includeUsage()) out.data(json.usageChunk(completion.choices()));
  }

  /// Text that is held back has no chunk, unless its tokens were asked for.
  private static void grown(ChatRequest request, ChatJson json, Choice choice, EventStream out)
      throws InterruptedException, EventStream.Gone {
    boolean wantsTokens = request.logprobs() || request.fields().tokenIds();
    Choice.Delta delta = choice.delta();
    if (!delta.pieces().isEmpty() || (wantsTokens && !delta.tokens().isEmpty()))
      out.data(json.delta(choice, delta));
  }
}
