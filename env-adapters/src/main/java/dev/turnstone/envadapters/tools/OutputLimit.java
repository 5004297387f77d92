package dev.turnstone.envadapters.tools;

import dev.turnstone.envadapters.tools.CallRules.Keep;
import java.nio.charset.StandardCharsets;

/// Cuts a tool's text to as many tokens of the policy as it may read, with a note in the text that
/// says how much is gone. The note itself does not count.
public final class OutputLimit {
  /// Beyond so many characters a token of the bound, what is cut is estimated, not counted.
  private static final int COUNTED_CHARS = 16;

  /// Every second try is within a few percent, and each halves the error at least.
  private static final int TRIES = 12;

  private final int maxTokens;
  private final Keep keep;
  private final TokenCount tokens;

  public OutputLimit(CallRules.Output output, TokenCount tokens) {
    this.maxTokens = output.maxTokens();
    this.keep = output.keep();
    this.tokens = tokens;
  }

  /// The text, cut as its tool was registered.
  public String cut(String text) {
    return cut(text, keep);
  }

  /// The text, cut at another end.
  public String cut(String text, Keep end) {
    String clean = wellFormed(text);
    // A token has at least one byte in every vocabulary that can write any text.
    if (clean.length() <= maxTokens && clean.getBytes(StandardCharsets.UTF_8).length <= maxTokens)
      return clean;
    boolean counted = clean.length() <= (long) COUNTED_CHARS * maxTokens;
    int total = counted ? tokens.of(clean) : Integer.MAX_VALUE;
    if (total <= maxTokens) return clean;
    int headTokens =
        switch (end) {
          case HEAD -> maxTokens;
          case MIDDLE -> (maxTokens + 1) / 2;
          case TAIL -> 0;
        };
    int head = whole(clean, headTokens == 0 ? 0 : fit(clean, headTokens, false));
    int tailTokens = maxTokens - headTokens;
    int tail = whole(clean, clean.length() - (tailTokens == 0 ? 0 : fit(clean, tailTokens, true)));
    if (tail <= head) return clean;
    String kept = clean.substring(0, head) + clean.substring(tail);
    String note = note(kept, tail - head, counted ? total : -1);
    String text2 = clean.substring(0, head) + "\n" + note + "\n" + clean.substring(tail);
    return end == Keep.TAIL
        ? text2.stripLeading()
        : end == Keep.HEAD ? text2.stripTrailing() : text2;
  }

  private String note(String kept, int cutChars, int total) {
    int keptTokens = Math.max(1, tokens.of(kept));
    if (total >= 0) return "[%d tokens cut]".formatted(Math.max(1, total - keptTokens));
    return "[about %d tokens cut]"
        .formatted(Math.max(1, Math.round((double) cutChars * keptTokens / kept.length())));
  }

  /// How many characters at one end have at most so many tokens; nearly the most.
  private int fit(String text, int budget, boolean atEnd) {
    int best = 0;
    int tooMany = text.length() + 1;
    int chars = Math.min(text.length(), 4 * budget);
    for (int i = 0; i < TRIES && chars > best && chars < tooMany; i++) {
      String part = atEnd ? text.substring(text.length() - chars) : text.substring(0, chars);
      int count = Math.max(1, tokens.of(part));
      if (count <= budget) best = chars;
      else tooMany = chars;
      if (count <= budget && count >= budget * 0.95) break;
      int guess = (int) Math.min(text.length(), (double) chars * budget / count);
      chars = guess > best && guess < tooMany ? guess : best + Math.max(1, (tooMany - best) / 2);
    }
    return best;
  }

  /// Half of a surrogate pair is no text: neither a tokenizer nor UTF-8 has anything for it.
  private static String wellFormed(String text) {
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (!Character.isSurrogate(c)) continue;
      if (Character.isHighSurrogate(c)
          && i + 1 < text.length()
          && Character.isLowSurrogate(text.charAt(i + 1))) i++;
      else return new String(text.getBytes(StandardCharsets.UTF_8), StandardCharsets.UTF_8);
    }
    return text;
  }

  private static int whole(String text, int index) {
    boolean splits =
        index > 0
            && index < text.length()
            && Character.isLowSurrogate(text.charAt(index))
            && Character.isHighSurrogate(text.charAt(index - 1));
    return splits ? index - 1 : index;
  }
}
