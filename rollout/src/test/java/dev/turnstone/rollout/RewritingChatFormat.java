package dev.turnstone.rollout;

import java.util.List;
import java.util.Set;

/// Bytes as ids, under a template that renders earlier turns otherwise once newer ones follow.
final class RewritingChatFormat implements ChatFormat {
  private final ByteChatFormat bytes = new ByteChatFormat();

  @Override
  public Tokens prompt(List<Message> messages, List<ToolSpec> tools) {
    return bytes.prompt(messages, tools);
  }

  @Override
  public Tokens suffix(Tokens held, List<Message> messages, List<ToolSpec> tools) {
    return bytes.suffix(held, messages, tools);
  }

  @Override
  public String text(Tokens generated) {
    return bytes.text(generated);
  }

  @Override
  public boolean rewritesHistory() {
    return true;
  }

  @Override
  public Set<Integer> stopIds() {
    return bytes.stopIds();
  }
}
