package dev.turnstone.server.responses;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.Policy.PolicyException;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.server.completion.Choice;
import dev.turnstone.server.completion.Completion;
import dev.turnstone.server.completion.Completions;
import dev.turnstone.server.completion.Recorder;
import dev.turnstone.server.completion.Served;
import dev.turnstone.server.http.Call;
import dev.turnstone.server.http.EventStream;
import dev.turnstone.server.http.Gate;
import dev.turnstone.server.http.Refused;
import dev.turnstone.server.http.Reply;
import dev.turnstone.server.http.Route;
import dev.turnstone.server.http.Scope;
import dev.turnstone.server.http.Wire;
import java.time.Clock;
import java.util.List;
import java.util.Optional;

/// `/v1/responses`: a response is made plain, streamed, or in the background, and stored.
public final class Responses {
  private static final int MOST_IN_BACKGROUND = 256;

  private final Served served;
  private final Completions completions;
  private final Clock clock;
  private final ResponseStore store = new ResponseStore();
  private final Gate background = new Gate("responses in the background", MOST_IN_BACKGROUND);

  public Responses(Served served, Completions completions, Clock clock) {
    this.served = served;
    this.completions = completions;
    this.clock = clock;
  }

  /// The routes.
  ///
  /// @param gate bounds the completions in flight
  public List<Route> routes(Gate gate) {
    String one = "/v1/responses/:response";
    return List.of(
        Route.post("/v1/responses", Scope.AGENT, "ResponseRequest", this::create).within(gate),
        Route.get(one, Scope.AGENT, call -> Reply.ok(find(call).response())),
        Route.delete(one, Scope.AGENT, this::delete),
        Route.post(one + "/cancel", Scope.AGENT, "ControlRequest", this::cancel).withOptionalBody(),
        Route.get(one + "/input_items", Scope.AGENT, this::inputItems));
  }

  private Stored find(Call call) {
    return find(call.path("response"));
  }

  private Stored find(String id) {
    return store
        .find(id)
        .orElseThrow(() ->
            Refused.notFound("response %s is not stored".formatted(id), "response", "not_found"));
  }

  private Reply delete(Call call) {
    String id = call.path("response");
    find(id).running().ifPresent(Runnable::run);
    store.remove(id);
    return Reply.ok(
        Wire.JSON.createObjectNode().put("id", id).put("object", "response").put("deleted", true));
  }

  private Reply cancel(Call call) {
    Stored stored = find(call);
    if (!stored.response().path("background").asBoolean())
      throw Refused.bad("only a response in the background can be cancelled", "response");
    stored.running().ifPresent(Runnable::run);
    ObjectNode response = stored.response().deepCopy();
    if (stored.running().isPresent()) response.put("status", "cancelled");
    return Reply.ok(response);
  }

  private Reply inputItems(Call call) {
    JsonNode input = find(call).input();
    ObjectNode reply = Wire.JSON.createObjectNode().put("object", "list");
    ArrayNode data = reply.putArray("data");
    if (input.isTextual()) {
      ObjectNode item = data.addObject().put("type", "message").put("role", "user");
      item.put("id", "msg_input_0");
      item.putArray("content").addObject().put("type", "input_text").set("text", input);
    } else {
      for (JsonNode item : input)
        data.add(
            ((ObjectNode) item.deepCopy())
                .put("id", item.path("id").asText("msg_input_" + data.size())));
    }
    reply.put("first_id", data.path(0).path("id").asText(""));
    reply.put("last_id", data.path(data.size() - 1).path("id").asText(""));
    return Reply.ok(reply.put("has_more", false));
  }

  private Reply create(Call call) throws InterruptedException {
    JsonNode body = call.body();
    Optional.ofNullable(body.path("model").textValue()).ifPresent(served::checkModel);
    Optional<Stored> previous =
        Optional.ofNullable(body.path("previous_response_id").textValue()).map(this::find);
    Question question = Question.read(body, previous, served);
    String id = "resp_" + Completions.newId();
    ResponseJson json = new ResponseJson(id, now(), body, served);
    if (body.path("background").asBoolean(false)) return inBackground(json, question);
    if (body.path("stream").asBoolean(false))
      return completions.stream(
          id,
          List.of(question.ask()),
          (completion, out) -> stream(json, question, completion, out),
          (failure, out) -> fail(json, failure, out));
    return completions.plain(
        id, List.of(question.ask()), choices -> Reply.ok(end(json, question, choices.getFirst())));
  }

  private long now() {
    return clock.instant().getEpochSecond();
  }

  private ObjectNode end(ResponseJson json, Question question, Choice choice) {
    ObjectNode response = json.ended(choice, json.output(choice), now());
    keep(json, question, choice, response);
    return response;
  }

  private void keep(ResponseJson json, Question question, Choice choice, ObjectNode response) {
    if (json.stored())
      store.put(json.id(), question.answered(response, json.request().path("input"), choice));
  }

  private void stream(ResponseJson json, Question question, Completion completion, EventStream out)
      throws InterruptedException, EventStream.Gone, PolicyException {
    Choice choice = completion.choices().getFirst();
    ResponseStream events = new ResponseStream(json, out);
    events.start();
    while (!completion.next(out).isEmpty()) events.delta(choice.delta());
    keep(json, question, choice, events.end(choice, now()));
  }

  private static void fail(ResponseJson json, Refused failure, EventStream out)
      throws InterruptedException, EventStream.Gone {
    ObjectNode event = Wire.JSON.createObjectNode().put("type", "response.failed");
    event.put("sequence_number", Integer.MAX_VALUE).set("response", json.failed(failure));
    out.event("response.failed", event);
  }

  private Reply inBackground(ResponseJson json, Question question) {
    if (!json.stored()) throw Refused.bad("background needs store: true", "background");
    if (json.request().path("stream").asBoolean(false))
      throw Refused.bad("a response in the background cannot be streamed", "background");
    if (Recorder.CURRENT.isBound())
      throw Refused.bad("a session does not record responses in the background", "background");
    background.enter();
    try {
      Completion completion = completions.prepare(List.of(question.ask()));
      ObjectNode open = json.open("in_progress");
      store.put(json.id(), waiting(json, question, open, Optional.of(completion::abort)));
      Thread.ofVirtual().name("response " + json.id()).start(() -> run(json, question, completion));
      return Reply.ok(json.open("queued"));
    } catch (Refused e) {
      background.leave();
      throw e;
    }
  }

  private static Stored waiting(
      ResponseJson json, Question question, ObjectNode response, Optional<Runnable> running) {
    return new Stored(
        response,
        json.request().path("input"),
        question.said(),
        Tokens.NONE,
        "unfinished",
        running);
  }

  private void run(ResponseJson json, Question question, Completion completion) {
    try (completion) {
      completions.begin(json.id(), completion, false);
      end(json, question, completion.await().getFirst());
    } catch (PolicyException e) {
      fail(json, question, Completions.failed(e));
    } catch (Refused e) {
      fail(json, question, e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      background.leave();
    }
  }

  private void fail(ResponseJson json, Question question, Refused failure) {
    store.put(json.id(), waiting(json, question, json.failed(failure), Optional.empty()));
  }
}
