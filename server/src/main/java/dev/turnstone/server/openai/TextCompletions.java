package dev.turnstone.server.openai;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.Policy.PolicyException;
import dev.turnstone.rollout.Scores;
import dev.turnstone.server.completion.Ask;
import dev.turnstone.server.completion.Choice;
import dev.turnstone.server.completion.Completion;
import dev.turnstone.server.completion.Completions;
import dev.turnstone.server.completion.Reading;
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

/// `/v1/completions`: plain prompts, as text or ids.
public final class TextCompletions {
  private final Served served;
  private final Completions completions;
  private final Clock clock;

  public TextCompletions(Served served, Completions completions, Clock clock) {
    this.served = served;
    this.completions = completions;
    this.clock = clock;
  }

  /// The routes.
  ///
  /// @param gate bounds the completions in flight
  public List<Route> routes(Gate gate) {
    return List.of(
        Route.post("/v1/completions", Scope.AGENT, "CompletionRequest", this::complete)
            .within(gate));
  }

  private Reply complete(Call call) throws InterruptedException {
    TextRequest request = TextRequest.read(call.body(), served);
    GenerationFields fields = request.fields();
    fields.model().ifPresent(served::checkModel);
    boolean addSpecial = call.body().path("add_special_tokens").asBoolean(true);
    List<PromptField> prompts = PromptField.read(call.body().path("prompt"), addSpecial, served);
    String id = "cmpl-" + Completions.id(call);
    TextJson json = new TextJson(id, clock.instant().getEpochSecond(), request, served, prompts);
    if (request.maxTokens() == 0 && !request.scoresPrompt() && fields.promptTop().isEmpty())
      return Reply.ok(json.echoes());
    List<Ask> asks = prompts.stream().map(prompt -> ask(request, prompt)).toList();
    if (fields.stream())
      return completions.stream(
          id, asks, ErrorShape.OPENAI, (completion, out) -> stream(request, completion, json, out));
    return completions.plain(id, asks, choices -> Reply.ok(json.completion(choices)));
  }

  private Ask ask(TextRequest request, PromptField prompt) {
    int top = request.logprobs().orElse(0);
    Reading reading = new Reading.Text(request.fields().skipSpecial());
    Ask ask =
        request
            .fields()
            .ask(served, prompt.ids(), request.maxTokens(), reading, top, "prompt")
            .withLogprobs(request.logprobs().isPresent());
    if (!request.scoresPrompt() || ask.options().scores().prompt().isPresent()) return ask;
    return ask.withScores(new Scores(top, request.logprobs()).withNamed(request.fields().named()));
  }

  private static void stream(
      TextRequest request, Completion completion, TextJson json, EventStream out)
      throws InterruptedException, EventStream.Gone, PolicyException {
    List<Choice> choices = completion.choices();
    if (request.echo() || request.fields().tokenIds())
      for (Choice choice : choices) send(request, choices, json.first(choice), out);
    for (var grown = completion.next(out); !grown.isEmpty(); grown = completion.next(out))
      for (Choice choice : grown) grown(request, choices, json, choice, out);
    for (Choice choice : choices) send(request, choices, json.finish(choice), out);
    if (request.fields().includeUsage()) out.data(json.usageChunk(choices));
  }

  private static void grown(
      TextRequest request, List<Choice> choices, TextJson json, Choice choice, EventStream out)
      throws InterruptedException, EventStream.Gone {
    boolean wantsTokens = request.logprobs().isPresent() || request.fields().tokenIds();
    Choice.Delta delta = choice.delta();
    if (!delta.pieces().isEmpty() || (wantsTokens && !delta.tokens().isEmpty()))
      send(request, choices, json.delta(choice, delta), out);
  }

  private static void send(
      TextRequest request, List<Choice> choices, ObjectNode chunk, EventStream out)
      throws InterruptedException, EventStream.Gone {
    if (request.fields().usageAlways()) chunk.set("usage", TokenJson.usage(choices));
    out.data(chunk);
  }
}
