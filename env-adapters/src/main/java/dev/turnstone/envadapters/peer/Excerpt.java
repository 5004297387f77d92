package dev.turnstone.envadapters.peer;

/// Text cut to a bound, with a note in the text that says how much is gone. The note itself does
/// not count. Surrogate pairs stay whole.
public final class Excerpt {
  private Excerpt() {}

  /// Keeps the beginning and the end.
  public static String ofMiddle(String text, int max) {
    if (text.length() <= max) return text;
    int head = whole(text, (max + 1) / 2);
    int tail = whole(text, text.length() - max / 2);
    return text.substring(0, head) + note(tail - head) + text.substring(tail);
  }

  private static String note(int cut) {
    return "\n[%d characters cut]\n".formatted(cut);
  }

  private static int whole(String text, int index) {
    boolean splits =
        index > 0
            && index < text.length()
            && Character.isLowSurrogate(text.charAt(index))
            && Character.isHighSurrogate(text.charAt(index - 1));
    return splits ? index + 1 : index;
  }
}
