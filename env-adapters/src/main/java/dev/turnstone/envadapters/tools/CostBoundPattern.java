package dev.turnstone.envadapters.tools;

import com.networknt.schema.SchemaException;
import com.networknt.schema.regex.RegularExpression;
import dev.turnstone.envadapters.peer.CountedText;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/// A pattern of a JSON Schema whose search stops after a bounded number of steps, whatever text a
/// policy gives it.
record CostBoundPattern(Pattern pattern) implements RegularExpression {
  static CostBoundPattern compile(String regex) {
    try {
      return new CostBoundPattern(Pattern.compile(regex));
    } catch (PatternSyntaxException e) {
      throw new SchemaException("pattern %s: %s".formatted(e.getPattern(), e.getDescription()));
    }
  }

  @Override
  public boolean matches(String value) {
    return pattern.matcher(CountedText.of(value)).find();
  }
}
