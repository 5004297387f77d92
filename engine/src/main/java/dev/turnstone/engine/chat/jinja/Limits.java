package dev.turnstone.engine.chat.jinja;

/// What one rendering may take, so that a hostile template cannot hold a thread or the heap.
///
/// @param steps loop rounds, calls, operators and compared or printed elements
/// @param characters characters and list elements made, output included
/// @param depth macro calls inside each other
public record Limits(long steps, long characters, int depth) {
  public static final Limits DEFAULT = new Limits(5_000_000, 16L << 20, 100);

  public Limits {
    if (steps < 1 || characters < 1 || depth < 1)
      throw new IllegalArgumentException(
          "limits must be positive: " + steps + ", " + characters + ", " + depth);
  }
}
