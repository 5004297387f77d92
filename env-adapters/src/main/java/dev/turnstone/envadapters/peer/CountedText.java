package dev.turnstone.envadapters.peer;

/// A text whose matching against a pattern stops after a bounded number of steps: it counts how
/// often it is read, the one thing that every step of a search does.
public final class CountedText implements CharSequence {
  private static final long MAX_STEPS = 10_000_000;

  private final String text;
  private final int start;
  private final int end;
  private final Steps steps;

  private CountedText(String text, int start, int end, Steps steps) {
    this.text = text;
    this.start = start;
    this.end = end;
    this.steps = steps;
  }

  public static CountedText of(String text) {
    return new CountedText(text, 0, text.length(), new Steps());
  }

  /// A search that went on for too long.
  public static final class TooCostly extends RuntimeException {
    private static final long serialVersionUID = 1;
  }

  private static final class Steps {
    private long taken;

    void take() {
      if (++taken > MAX_STEPS) throw new TooCostly();
    }
  }

  @Override
  public char charAt(int index) {
    steps.take();
    return text.charAt(start + index);
  }

  @Override
  public int length() {
    return end - start;
  }

  @Override
  public CharSequence subSequence(int from, int to) {
    return new CountedText(text, start + from, start + to, steps);
  }

  @Override
  public String toString() {
    return text.substring(start, end);
  }
}
