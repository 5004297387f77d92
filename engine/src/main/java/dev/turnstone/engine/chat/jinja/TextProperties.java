package dev.turnstone.engine.chat.jinja;

import dev.turnstone.engine.chat.jinja.Methods.Method;
import dev.turnstone.engine.chat.jinja.Value.Text;
import java.util.function.IntPredicate;

/// What the `is…` methods of `str` ask.
final class TextProperties {
  private TextProperties() {}

  static Method<Text> all(IntPredicate property) {
    return (self, _, _) ->
        Values.of(!self.value().isEmpty() && self.value().codePoints().allMatch(property));
  }

  static boolean isNumeric(int c) {
    return switch (Character.getType(c)) {
      case Character.DECIMAL_DIGIT_NUMBER, Character.LETTER_NUMBER, Character.OTHER_NUMBER -> true;
      default -> false;
    };
  }

  static boolean isAlphanumeric(int c) {
    return Character.isLetter(c) || isNumeric(c);
  }

  static boolean isLower(String text) {
    return text.codePoints().anyMatch(Character::isLowerCase)
        && text.codePoints().noneMatch(c -> Character.isUpperCase(c) || Character.isTitleCase(c));
  }

  static boolean isUpper(String text) {
    return text.codePoints().anyMatch(Character::isUpperCase)
        && text.codePoints().noneMatch(c -> Character.isLowerCase(c) || Character.isTitleCase(c));
  }

  static boolean isTitle(String text) {
    return text.codePoints().anyMatch(PythonText::isCased) && text.equals(PythonText.title(text));
  }
}
