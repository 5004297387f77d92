package dev.turnstone.server.responses;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.ToolCall;
import dev.turnstone.server.completion.Choice;
import dev.turnstone.server.completion.Choice.Token;
import dev.turnstone.server.completion.Served.Piece;
import dev.turnstone.server.http.EventStream;
import dev.turnstone.server.http.Wire;
import java.util.ArrayList;
import java.util.List;

/// Writes a response as numbered events: the response, then per item its beginning, parts, deltas
/// and end. At most one item is open.
final class ResponseStream {
  private final ResponseJson json;
  private final EventStream out;
  private final ArrayNode output = Wire.JSON.createArrayNode();
  private final StringBuilder text = new StringBuilder();
  private final List<Token> tokens = new ArrayList<>();
  private Open open = Open.NONE;
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
        case Piece.CallPart _ -> {} // an item cannot be taken back: whole calls only
        case Piece.Call(ToolCall call) -> call(call);
        case Piece.Unreadable _ -> {}
      }
  }

  private void open(Open next) throws InterruptedException, EventStream.Gone {
    if (open == next) return;
    close();
    open = next;
    boolean speaks = next == Open.MESSAGE;
    send(
        event("response.output_item.added")
            .put("output_index", output.size())
            .set(
                "item",
                speaks
                    ? json.message(output.size(), List.of(), "in_progress")
                    : json.reasoning(output.size(), "", "in_progress")));
    send(inPart("response.content_part.added").set("part", part("")));
  }

  private ObjectNode part(String said) {
    return open == Open.MESSAGE
        ? json.text(said, List.of())
        : Wire.JSON.createObjectNode().put("type", "reasoning_text").put("text", said);
  }

  private void close() throws InterruptedException, EventStream.Gone {
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
    int index = output.size();
    ObjectNode item =
        speaks
            ? json.message(index, List.of(json.text(said, tokens)), "completed")
            : json.reasoning(index, said, "completed");
    output.add(item);
    send(event("response.output_item.done").put("output_index", index).set("item", item));
    open = Open.NONE;
  }

  private void call(ToolCall call) throws InterruptedException, EventStream.Gone {
    close();
    int index = output.size();
    String arguments = call.arguments().text();
    ObjectNode item = json.call(index, call, "", "in_progress");
    String id = item.path("id").asText();
    send(event("response.output_item.added").put("output_index", index).set("item", item));
    send(inCall("response.function_call_arguments.delta", id).put("delta", arguments));
    send(
        inCall("response.function_call_arguments.done", id)
            .put("name", call.name())
            .put("arguments", arguments));
    ObjectNode whole = json.call(index, call, arguments, "completed");
    output.add(whole);
    send(event("response.output_item.done").put("output_index", index).set("item", whole));
  }

  private ObjectNode inCall(String type, String item) {
    return event(type).put("item_id", item).put("output_index", output.size());
  }

  /// Writes the end.
  ///
  /// @return the whole response
  ObjectNode end(Choice choice, long now) throws InterruptedException, EventStream.Gone {
    if (output.isEmpty() && open == Open.NONE) open(Open.MESSAGE);
    close();
    ObjectNode response = json.ended(choice, output, now);
    String status = response.path("status").asText();
    send(event("response." + status).set("response", response));
    return response;
  }

  /// An event about the one part of the open item.
  private ObjectNode inPart(String type) {
    String kind = open == Open.MESSAGE ? "msg" : "rs";
    return event(type)
        .put("item_id", json.item(kind, output.size()))
        .put("output_index", output.size())
        .put("content_index", 0);
  }

  private ObjectNode event(String type) {
    return Wire.JSON.createObjectNode().put("type", type).put("sequence_number", sequence++);
  }

  private void send(ObjectNode event) throws InterruptedException, EventStream.Gone {
    out.event(event.path("type").asText(), event);
  }
}
