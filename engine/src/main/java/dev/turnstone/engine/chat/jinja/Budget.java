package dev.turnstone.engine.chat.jinja;

/// What is left of one rendering's [Limits].
final class Budget {
  /// Nested lists or maps that may be printed, compared or written as JSON.
  private static final int NESTING = 200;

  private final Limits limits;
  private long steps;
  private long characters;
  private int calls;

  Budget(Limits limits) {
    this.limits = limits;
    this.steps = limits.steps();
    this.characters = limits.characters();
  }

  void step() {
    if (--steps < 0) throw TemplateException.limit("took more than " + limits.steps() + " steps");
  }

  /// Pays for `count` characters or elements before they are made.
  void allocate(long count) {
    characters -= count;
    if (characters < 0)
      throw TemplateException.limit("made more than " + limits.characters() + " characters");
  }

  String paid(String made) {
    allocate(made.length());
    return made;
  }

  void enterCall() {
    if (++calls > limits.depth())
      throw TemplateException.limit("called macros more than " + limits.depth() + " deep");
  }

  void leaveCall() {
    calls--;
  }

  static void nested(int depth) {
    if (depth > NESTING)
      throw TemplateException.limit("nested values more than " + NESTING + " deep");
  }
}
