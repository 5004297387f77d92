package dev.turnstone.server.anthropic;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.server.completion.Choice;
import dev.turnstone.server.completion.Served.Piece;
import dev.turnstone.server.http.EventStream;
import dev.turnstone.server.http.Wire;

/// Writes a message as events: its start, per block a start, deltas and a stop, then its end. At
/// most one block is open. A block of a call that turns out to be unreadable cannot be taken back:
/// the text of the call follows it, and the message does not stop for `tool_use`.
final class MessagesStream {
  private final EventStream out;
  private Block open = Block.NONE;
  private int index = -1;

  MessagesStream(EventStream out) {
    this.out = out;
  }

  private enum Block {
    NONE,
    THINKING,
    TEXT,
    CALL
  }

  void start(String id, String model, Choice choice) throws InterruptedException, EventStream.Gone {
    send(event("message_start").set("message", MessagesJson.empty(id, model, choice)));
    send(event("ping"));
  }

  void delta(Choice.Delta delta) throws InterruptedException, EventStream.Gone {
    for (Piece piece : delta.pieces())
      switch (piece) {
        case Piece.Reasoning(String text) -> {
          open(Block.THINKING);
          grow("thinking_delta", "thinking", text);
        }
        case Piece.Content(String text) -> {
          open(Block.TEXT);
          grow("text_delta", "text", text);
        }
        case Piece.CallPart part -> {
          if (part.first()) use(part);
          if (!part.arguments().isEmpty())
            grow("input_json_delta", "partial_json", part.arguments());
        }
        case Piece.Call _, Piece.Unreadable _ -> {} // told by how the message ends
      }
  }

  private void open(Block block) throws InterruptedException, EventStream.Gone {
    if (open == block) return;
    close();
    open = block;
    start(block == Block.TEXT ? MessagesJson.text("") : MessagesJson.thinking(""));
  }

  private void start(ObjectNode block) throws InterruptedException, EventStream.Gone {
    index++;
    send(event("content_block_start").put("index", index).set("content_block", block));
  }

  private void grow(String type, String field, String text)
      throws InterruptedException, EventStream.Gone {
    ObjectNode delta = Wire.JSON.createObjectNode().put("type", type).put(field, text);
    send(event("content_block_delta").put("index", index).set("delta", delta));
  }

  private void use(Piece.CallPart call) throws InterruptedException, EventStream.Gone {
    close();
    open = Block.CALL;
    ObjectNode block = MessagesJson.use(call.id(), call.name());
    block.putObject("input");
    start(block);
  }

  private void close() throws InterruptedException, EventStream.Gone {
    if (open != Block.NONE) send(event("content_block_stop").put("index", index));
    open = Block.NONE;
  }

  void end(Choice choice) throws InterruptedException, EventStream.Gone {
    close();
    ObjectNode end = event("message_delta");
    MessagesJson.end(end.putObject("delta"), choice);
    send(end.set("usage", MessagesJson.usage(choice)));
    send(event("message_stop"));
  }

  private static ObjectNode event(String type) {
    return Wire.JSON.createObjectNode().put("type", type);
  }

  private void send(ObjectNode event) throws InterruptedException, EventStream.Gone {
    out.event(event.path("type").asText(), event);
  }
}
