package dev.turnstone.envadapters;

import com.networknt.schema.SchemaException;
import com.networknt.schema.regex.RegularExpression;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/// A pattern of a JSON Schema whose search stops after a bounded number of steps, whatever text a
/// policy gives it.
record CostBoundPattern(Pattern pattern) implements RegularExpression {
  private static final long MAX_STEPS = 10_000_000;

  static CostBoundPattern compile(String regex) {
    try {
      return new CostBoundPattern(Pattern.compile(regex));
    } catch (PatternSyntaxException e) {
      throw new SchemaException("pattern %s: %s".formatted(e.getPattern(), e.getDescription()));
    }
  }

  @Override
  public boolean matches(String value) {
    return pattern.matcher(new Counted(value, 0, value.length(), new Steps())).find();
  }

  static final class TooCostly extends RuntimeException {
    private static final long serialVersionUID = 1;
  }

  private static final class Steps {
    private long taken;

    void take() {
      if (++taken > MAX_STEPS) throw new TooCostly();
    }
  }

  /// A text that counts how often it is read: the one thing every step of a search does.
  private record Counted(String text, int start, int end, Steps steps) implements CharSequence {
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
      return new Counted(text, start + from, start + to, steps);
    }

    @Override
    public String toString() {
      return text.substring(start, end);
    }
  }
}
