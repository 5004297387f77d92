package dev.turnstone.server.responses;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.rollout.Json;
import dev.turnstone.rollout.ToolCall;
import dev.turnstone.server.Bytes;
import dev.turnstone.server.ScriptedPolicy;
import dev.turnstone.server.completion.Choice;
import dev.turnstone.server.completion.Served;
import dev.turnstone.server.completion.Served.Piece;
import dev.turnstone.server.http.EventStream;
import dev.turnstone.server.http.Wire;
import dev.turnstone.trainerbridge.spec.PolicyIdentity;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class ResponseStreamTest {
  private final List<JsonNode> events = new ArrayList<>();
  private final ResponseStream stream;

  ResponseStreamTest() {
    Bytes bytes = new Bytes();
    Served served =
        new Served(
            "m", new ScriptedPolicy(200), bytes, bytes, bytes, new PolicyIdentity("t", "c", 257));
    ResponseJson json = new ResponseJson("resp_1", 0, Wire.JSON.createObjectNode(), served);
    stream =
        new ResponseStream(
            json,
            new EventStream(
                frame -> events.add(Wire.parse(frame.substring(frame.indexOf("data: ") + 6)))));
  }

  private void says(Piece... pieces) throws Exception {
    stream.delta(new Choice.Delta(List.of(), List.of(pieces)));
  }

  private static Piece more(int number, boolean first, String arguments) {
    return new Piece.CallPart(number, first, "call_" + number, "f" + number, arguments);
  }

  private static Piece whole(int number, String arguments) {
    return new Piece.Call(new ToolCall("call_" + number, "f" + number, new Json(arguments)));
  }

  private List<String> told() {
    return events.stream()
        .map(event ->
            event.get("type").asText().replace("response.", "")
                + " "
                + event.path("output_index").asText()
                + event.path("delta").asText(""))
        .toList();
  }

  @Test
  void argumentsArePassedOnWhileTheyAreWrittenAndCallsEndWithTheTurn() throws Exception {
    says(new Piece.Content("so"), more(0, true, ""));
    says(more(0, false, "{\"a\""));
    says(more(0, false, ": 1}"), more(1, true, "{}"));
    says(whole(0, "{\"a\": 1}"), whole(1, "{}"));

    assertThat(told())
        .containsExactly(
            "output_item.added 0",
            "content_part.added 0",
            "output_text.delta 0so",
            "output_text.done 0",
            "content_part.done 0",
            "output_item.done 0",
            "output_item.added 1",
            "function_call_arguments.delta 1{\"a\"",
            "function_call_arguments.delta 1: 1}",
            "output_item.added 2",
            "function_call_arguments.delta 2{}",
            "function_call_arguments.done 1",
            "output_item.done 1",
            "function_call_arguments.done 2",
            "output_item.done 2");
    JsonNode done = events.get(12).get("item");
    assertThat(done.get("arguments").asText()).isEqualTo("{\"a\": 1}");
    assertThat(done.get("status").asText()).isEqualTo("completed");
    assertThat(done.get("id")).isEqualTo(events.get(7).get("item_id"));
  }

  @Test
  void aCallThatTurnsOutToBeTextEndsAsIncompleteBeforeTheText() throws Exception {
    says(more(0, true, "{\"a"));
    says(new Piece.Content("<tool_call>{\"a"), new Piece.Unreadable("no end"));

    assertThat(told())
        .containsExactly(
            "output_item.added 0",
            "function_call_arguments.delta 0{\"a",
            "output_item.done 0",
            "output_item.added 1",
            "content_part.added 1",
            "output_text.delta 1<tool_call>{\"a");
    assertThat(events.get(2).at("/item/status").asText()).isEqualTo("incomplete");
    assertThat(events.get(3).at("/item/type").asText()).isEqualTo("message");
  }
}
