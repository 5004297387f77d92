package dev.turnstone.engine.grammar;

import java.util.List;

/// A property's name as it is written within quotes.
final class NameText {
  private NameText() {}

  static Part of(String name) {
    List<Part> characters =
        name.codePoints().mapToObj(point -> JsonText.written(CodePoints.of(point))).toList();
    return Part.sequence(characters);
  }
}
