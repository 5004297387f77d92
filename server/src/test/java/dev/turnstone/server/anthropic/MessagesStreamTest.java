package dev.turnstone.server.anthropic;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.server.completion.Choice;
import dev.turnstone.server.completion.Served.Piece;
import dev.turnstone.server.http.EventStream;
import dev.turnstone.server.http.Wire;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class MessagesStreamTest {
  private final List<JsonNode> events = new ArrayList<>();
  private final MessagesStream stream =
      new MessagesStream(
          new EventStream(
              frame -> events.add(Wire.parse(frame.substring(frame.indexOf("data: ") + 6)))));

  private void says(Piece... pieces) throws Exception {
    stream.delta(new Choice.Delta(List.of(), List.of(pieces)));
  }

  private static Piece more(int number, boolean first, String arguments) {
    return new Piece.CallPart(number, first, "call_" + number, "f" + number, arguments);
  }

  private List<String> told() {
    return events.stream()
        .map(event ->
            event.get("type").asText().replace("content_block_", "")
                + " "
                + event.path("index").asText()
                + event.at("/content_block/type").asText()
                + event.at("/delta/text").asText()
                + event.at("/delta/partial_json").asText())
        .toList();
  }

  @Test
  void inputIsPassedOnWhileItIsWritten() throws Exception {
    says(new Piece.Content("so"), more(0, true, ""));
    says(more(0, false, "{\"a\""));
    says(more(0, false, ": 1}"), more(1, true, "{}"));

    assertThat(told())
        .containsExactly(
            "start 0text",
            "delta 0so",
            "stop 0",
            "start 1tool_use",
            "delta 1{\"a\"",
            "delta 1: 1}",
            "stop 1",
            "start 2tool_use",
            "delta 2{}");
    assertThat(events.get(3).at("/content_block/name").asText()).isEqualTo("f0");
    assertThat(events.get(3).at("/content_block/input")).isEmpty();
  }

  @Test
  void theTextOfACallThatIsNoneFollowsItsBlock() throws Exception {
    says(more(0, true, "{\"a"));
    says(new Piece.Content("<tool_call>{\"a"), new Piece.Unreadable("no end"));

    assertThat(told())
        .containsExactly(
            "start 0tool_use", "delta 0{\"a", "stop 0", "start 1text", "delta 1<tool_call>{\"a");
  }
}
