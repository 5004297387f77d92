package dev.turnstone.envadapters.tools;

import java.nio.charset.StandardCharsets;

/// Counts the tokens that a text has for the policy. Safe for any thread.
@FunctionalInterface
public interface TokenCount {
  /// For where no policy is at hand: four bytes a token, as English has them.
  TokenCount ESTIMATE = text -> (text.getBytes(StandardCharsets.UTF_8).length + 3) / 4;

  int of(String text);
}
