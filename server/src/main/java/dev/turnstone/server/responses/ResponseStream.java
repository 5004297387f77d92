package dev.turnstone.server.responses;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.Json;
import dev.turnstone.rollout.ToolCall;
import dev.turnstone.server.completion.Choice;
import dev.turnstone.server.completion.Choice.Token;
import dev.turnstone.server.completion.Served.Piece;
import dev.turnstone.server.http.EventStream;
import dev.turnstone.server.http.Wire;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/// Writes a response as numbered events: the response, then per item its beginning, parts, deltas
/// and end. At most one item that is not a call is open; calls stay open until the turn has ended,
/// because one unreadable call makes all of them text.
final class ResponseStream {
  private final ResponseJson json;
  private final EventStream out;
  private final ArrayNode output = Wire.JSON.createArrayNode();
  private final StringBuilder text = new StringBuilder();
  private final List<Token> tokens = new ArrayList<>();
  private final Deque<BegunCall> begun = new ArrayDeque<>();
  private Open open = Open.NONE;

  /// Items that were begun.
  private int items;

  private int sequence;

  ResponseStream(ResponseJson json, EventStream out) {
    this.json = json;
    this.out = out;
  }

  private enum Open {
    NONE,
    REASONING,
    MESSAGE
  }

  /// A call whose arguments are passed on, and where its item stands.
  private record BegunCall(int index, String id, String name, StringBuilder arguments) {
    ToolCall call() {
      return new ToolCall(id, name, new Json(arguments.toString()));
    }
  }

  void start() throws InterruptedException, EventStream.Gone {
    send(event("response.created").set("response", json.open("in_progress")));
    send(event("response.in_progress").set("response", json.open("in_progress")));
  }

  void delta(Choice.Delta delta) throws InterruptedException, EventStream.Gone {
    tokens.addAll(delta.tokens());
    List<Token> unsent = delta.tokens();
    for (Piece piece : delta.pieces())
      switch (piece) {
        case Piece.Reasoning(String part) -> {
          open(Open.REASONING);
          text.append(part);
          send(inPart("response.reasoning_text.delta").put("delta", part));
        }
        case Piece.Content(String part) -> {
          open(Open.MESSAGE);
          text.append(part);
          ObjectNode event = inPart("response.output_text.delta").put("delta", part);
          send(event.putPOJO("logprobs", json.logprobs(unsent)));
          unsent = List.of();
        }
        case Piece.CallPart part -> call(part);
        case Piece.Call(ToolCall call) -> whole(call);
        case Piece.Unreadable _ -> voidCalls();
      }
  }

  private void open(Open next) throws InterruptedException, EventStream.Gone {
    if (open == next) return;
    close("completed");
    // What follows a call is its own text, because it was none.
    voidCalls();
    open = next;
    int index = items++;
    send(
        added(
            index,
            next == Open.MESSAGE
                ? json.message(index, List.of(), "in_progress")
                : json.reasoning(index, "", "in_progress")));
    send(inPart("response.content_part.added").set("part", part("")));
  }

  private ObjectNode added(int index, ObjectNode item) {
    return event("response.output_item.added").put("output_index", index).set("item", item);
  }

  private ObjectNode part(String said) {
    return open == Open.MESSAGE
        ? json.text(said, List.of())
        : Wire.JSON.createObjectNode().put("type", "reasoning_text").put("text", said);
  }

  private void close(String status) throws InterruptedException, EventStream.Gone {
    if (open == Open.NONE) return;
    String said = text.toString();
    text.setLength(0);
    boolean speaks = open == Open.MESSAGE;
    ObjectNode done =
        inPart(speaks ? "response.output_text.done" : "response.reasoning_text.done")
            .put("text", said);
    if (speaks) done.putPOJO("logprobs", json.logprobs(tokens));
    send(done);
    send(inPart("response.content_part.done").set("part", part(said)));
    int index = items - 1;
    ObjectNode item =
        speaks
            ? json.message(index, List.of(json.text(said, tokens)), status)
            : json.reasoning(index, said, status);
    output.add(item);
    send(done(index, item));
    open = Open.NONE;
  }

  private ObjectNode done(int index, ObjectNode item) {
    return event("response.output_item.done").put("output_index", index).set("item", item);
  }

  private void call(Piece.CallPart part) throws InterruptedException, EventStream.Gone {
    if (part.first()) {
      close("completed");
      begun.add(new BegunCall(items++, part.id(), part.name(), new StringBuilder()));
      BegunCall call = begun.getLast();
      send(added(call.index(), json.call(call.index(), call.call(), "", "in_progress")));
    }
    if (part.arguments().isEmpty()) return;
    BegunCall call = begun.getLast();
    call.arguments().append(part.arguments());
    send(inCall("response.function_call_arguments.delta", call).put("delta", part.arguments()));
  }

  private void whole(ToolCall call) throws InterruptedException, EventStream.Gone {
    BegunCall first = begun.removeFirst();
    String arguments = call.arguments().text();
    send(
        inCall("response.function_call_arguments.done", first)
            .put("name", call.name())
            .put("arguments", arguments));
    ObjectNode item = json.call(first.index(), call, arguments, "completed");
    output.add(item);
    send(done(first.index(), item));
  }

  /// Ends the items of calls that turned out to be none; they are no part of the response.
  private void voidCalls() throws InterruptedException, EventStream.Gone {
    while (!begun.isEmpty()) {
      BegunCall call = begun.removeFirst();
      String arguments = call.arguments().toString();
      send(done(call.index(), json.call(call.index(), call.call(), arguments, "incomplete")));
    }
  }

  private ObjectNode inCall(String type, BegunCall call) {
    return event(type)
        .put("item_id", json.item("fc", call.index()))
        .put("output_index", call.index());
  }

  /// Writes the end.
  ///
  /// @return the whole response
  ObjectNode end(Choice choice, long now) throws InterruptedException, EventStream.Gone {
    voidCalls();
    if (output.isEmpty() && open == Open.NONE) open(Open.MESSAGE);
    close(ResponseJson.last(choice));
    ObjectNode response = json.ended(choice, output, now);
    String status = response.path("status").asText();
    send(event("response." + status).set("response", response));
    return response;
  }

  /// An event about the one part of the open item.
  private ObjectNode inPart(String type) {
    String kind = open == Open.MESSAGE ? "msg" : "rs";
    return event(type)
        .put("item_id", json.item(kind, items - 1))
        .put("output_index", items - 1)
        .put("content_index", 0);
  }

  private ObjectNode event(String type) {
    return Wire.JSON.createObjectNode().put("type", type).put("sequence_number", sequence++);
  }

  private void send(ObjectNode event) throws InterruptedException, EventStream.Gone {
    out.event(event.path("type").asText(), event);
  }
}
