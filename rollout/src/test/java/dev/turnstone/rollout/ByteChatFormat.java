package dev.turnstone.rollout;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Set;

/// A chat format whose ids are UTF-8 bytes, with one id that opens a message and one that ends it.
public final class ByteChatFormat implements ChatFormat {
  public static final int OPEN = 256;
  public static final int END = 257;

  @Override
  public Tokens prompt(List<Message> messages, List<ToolSpec> tools) {
    Tokens ids = Tokens.NONE;
    for (ToolSpec tool : tools) ids = ids.plus(message("tools", tool.name()));
    return ids.plus(conversation(messages));
  }

  @Override
  public Tokens suffix(Tokens held, List<Message> messages, List<ToolSpec> tools) {
    Tokens end = held.last() == END ? Tokens.NONE : Tokens.of(END);
    return end.plus(conversation(messages));
  }

  @Override
  public String text(Tokens generated) {
    StringBuilder text = new StringBuilder();
    for (int id : generated.toArray()) if (id < OPEN) text.append((char) id);
    return new String(
        text.toString().getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8);
  }

  @Override
  public Set<Integer> stopIds() {
    return Set.of(END);
  }

  public static Tokens ids(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    int[] ids = new int[bytes.length];
    for (int i = 0; i < ids.length; i++) ids[i] = Byte.toUnsignedInt(bytes[i]);
    return Tokens.of(ids);
  }

  private static Tokens conversation(List<Message> messages) {
    Tokens ids = Tokens.NONE;
    for (Message message : messages) ids = ids.plus(message(message.role(), message.content()));
    return ids.plus(Tokens.of(OPEN)).plus(ids("assistant\n"));
  }

  private static Tokens message(String role, String content) {
    return Tokens.of(OPEN).plus(ids(role + "\n" + content)).plus(Tokens.of(END));
  }
}
