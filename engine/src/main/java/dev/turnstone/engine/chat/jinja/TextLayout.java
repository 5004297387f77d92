package dev.turnstone.engine.chat.jinja;

import dev.turnstone.engine.chat.jinja.Arguments.Bound;
import dev.turnstone.engine.chat.jinja.Methods.Method;
import dev.turnstone.engine.chat.jinja.Value.Text;

/// Padding and tabs of `str`.
final class TextLayout {
  private TextLayout() {}

  static Method<Text> padded(boolean left, boolean right) {
    return (self, arguments, budget) -> {
      Bound bound = arguments.bind("center", 1, "width", "fillchar");
      return new Text(
          pad(
              self.value(),
              bound.index(0, 0),
              bound.has(1) ? bound.text(1) : " ",
              left,
              right,
              budget),
          self.safe());
    };
  }

  static String pad(
      String text, int width, String fill, boolean left, boolean right, Budget budget) {
    int missing = width - PythonText.length(text);
    if (missing <= 0) return text;
    budget.allocate(missing);
    // Python puts the odd one to the left if the width is odd.
    int before = left && right ? missing / 2 + (missing & width & 1) : (left ? missing : 0);
    return fill.repeat(before) + text + fill.repeat(missing - before);
  }

  static Value zeroFill(Text self, Arguments arguments, Budget budget) {
    String text = self.value();
    int width = arguments.bind("zfill", 1, "width").index(0, 0);
    String sign = text.startsWith("+") || text.startsWith("-") ? text.substring(0, 1) : "";
    String digits = text.substring(sign.length());
    return new Text(
        sign + pad(digits, width - sign.length(), "0", true, false, budget), self.safe());
  }

  static Value expandTabs(Text self, Arguments arguments, Budget budget) {
    int size = Math.clamp(arguments.bind("expandtabs", 0, "tabsize").index(0, 8), 0, 64);
    StringBuilder made = new StringBuilder();
    int column = 0;
    for (int c : self.value().codePoints().toArray()) {
      if (c == '\t') {
        int spaces = size == 0 ? 0 : size - column % size;
        budget.allocate(spaces);
        made.repeat(' ', spaces);
        column += spaces;
      } else {
        made.appendCodePoint(c);
        column = c == '\n' || c == '\r' ? 0 : column + 1;
      }
    }
    return new Text(made.toString(), self.safe());
  }
}
