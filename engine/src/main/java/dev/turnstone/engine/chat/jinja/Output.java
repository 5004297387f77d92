package dev.turnstone.engine.chat.jinja;

import java.util.ArrayList;
import java.util.List;

/// The text that statements write.
final class Output {
  private final StringBuilder text = new StringBuilder();
  private final List<Template.Span> generations = new ArrayList<>();
  private final Budget budget;

  Output(Budget budget) {
    this.budget = budget;
  }

  void write(String piece) {
    budget.allocate(piece.length());
    text.append(piece);
  }

  int length() {
    return text.length();
  }

  /// Notes that what was written since `start` is the assistant's.
  void generation(int start) {
    generations.add(new Template.Span(start, text.length()));
  }

  List<Template.Span> generations() {
    return List.copyOf(generations);
  }

  @Override
  public String toString() {
    return text.toString();
  }
}
