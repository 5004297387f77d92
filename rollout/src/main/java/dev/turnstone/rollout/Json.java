package dev.turnstone.rollout;

/// JSON text that this package carries without reading it: tool arguments, tool schemas, task data.
public record Json(String text) {
  public static final Json EMPTY_OBJECT = new Json("{}");

  @Override
  public String toString() {
    return text;
  }
}
