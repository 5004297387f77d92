package dev.turnstone.server;

import dev.turnstone.rollout.ChatFormat;
import dev.turnstone.rollout.Json;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.ToolCall;
import dev.turnstone.rollout.ToolCallParser;
import dev.turnstone.rollout.ToolSpec;
import dev.turnstone.server.completion.Served;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Set;

/// A chat format whose token ids are UTF-8 bytes plus 1, with 0 to end a turn. A tool call is `call
/// NAME ARGUMENTS` to the end of the text.
public final class Bytes implements ChatFormat, ToolCallParser, Served.Texts {
  static int[] ids(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    int[] ids = new int[bytes.length];
    for (int i = 0; i < ids.length; i++) ids[i] = Byte.toUnsignedInt(bytes[i]) + 1;
    return ids;
  }

  @Override
  public Tokens prompt(List<Message> messages, List<ToolSpec> tools) {
    StringBuilder text = new StringBuilder();
    tools.forEach(tool -> text.append("[tool ").append(tool.name()).append("]"));
    for (Message message : messages) {
      if (message.content().equals("refuse")) throw new IllegalArgumentException("no refusals");
      text.append("<").append(message.role()).append(">").append(message.content());
    }
    return Tokens.of(ids(text + "<assistant>"));
  }

  @Override
  public Tokens suffix(Tokens held, List<Message> messages, List<ToolSpec> tools) {
    return prompt(messages, List.of());
  }

  @Override
  public String text(Tokens generated) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    for (int id : generated.toArray()) bytes.writeBytes(bytes(id));
    return bytes.toString(StandardCharsets.UTF_8);
  }

  @Override
  public Set<Integer> stopIds() {
    return Set.of(ScriptedPolicy.STOP);
  }

  @Override
  public Parsed parse(Turn turn) {
    String text = turn.text();
    int at = text.indexOf("call ");
    if (at < 0) return new Parsed.Answer(text);
    String[] words = text.substring(at).split(" ", 3);
    ToolCall call = new ToolCall("call_" + turn.number() + "_0", words[1], new Json(words[2]));
    return new Parsed.Calls(text.substring(0, at), List.of(call));
  }

  @Override
  public byte[] bytes(int id) {
    return id == ScriptedPolicy.STOP ? new byte[0] : new byte[] {(byte) (id - 1)};
  }

  @Override
  public boolean special(int id) {
    return id == ScriptedPolicy.STOP;
  }

  @Override
  public Tokens encode(String text, boolean addSpecial) {
    return Tokens.of(ids(text));
  }

  @Override
  public Served.Decoder decoder(boolean skipSpecial) {
    return new Served.Decoder() {
      private final ByteArrayOutputStream held = new ByteArrayOutputStream();

      @Override
      public String push(int id) {
        held.writeBytes(bytes(id));
        String text = held.toString(StandardCharsets.UTF_8);
        if (text.endsWith("\uFFFD")) return "";
        held.reset();
        return text;
      }

      @Override
      public String end() {
        return held.toString(StandardCharsets.UTF_8);
      }
    };
  }

  @Override
  public boolean thinks() {
    return false;
  }

  private static Served.Piece part(ToolCall call) {
    return new Served.Piece.CallPart(0, true, call.id(), call.name(), call.arguments().text());
  }

  @Override
  public Served.MessageReader message(Turn turn) {
    return new Served.MessageReader() {
      private final StringBuilder held = new StringBuilder();

      @Override
      public List<Served.Piece> push(String text) {
        held.append(text);
        return turn.tools().isEmpty() ? List.of(new Served.Piece.Content(text)) : List.of();
      }

      @Override
      public boolean inReasoning() {
        return false;
      }

      @Override
      public List<Served.Piece> end() {
        if (turn.tools().isEmpty()) return List.of();
        return switch (parse(held.toString(), turn.number())) {
          case Parsed.Calls(String content, List<ToolCall> calls, var _) ->
              List.of(
                  new Served.Piece.Content(content),
                  part(calls.getFirst()),
                  new Served.Piece.Call(calls.getFirst()));
          case Parsed.Answer(String content, var _) -> List.of(new Served.Piece.Content(content));
          case Parsed.Malformed(String content, var _, var _) ->
              List.of(new Served.Piece.Content(content));
        };
      }
    };
  }
}
