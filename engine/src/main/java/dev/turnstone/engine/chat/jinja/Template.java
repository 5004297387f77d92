package dev.turnstone.engine.chat.jinja;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.LocalDateTime;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// A chat template, loaded once and rendered many times, by many threads if they like.
///
/// What it renders equals what jinja2 renders in transformers' environment: `trim_blocks` and
/// `lstrip_blocks`, `break` and `continue`, `{% generation %}`, `tojson`, `raise_exception` and
/// `strftime_now`. Variables are data: nothing in them is ever run.
public final class Template {
  private static final int MAX_SOURCE = 1 << 20;

  private final Statement body;
  private final Limits limits;

  private Template(Statement body, Limits limits) {
    this.body = body;
    this.limits = limits;
  }

  /// A rendered conversation.
  ///
  /// @param generations what stood in `{% generation %}` outside of macros
  public record Rendered(String text, List<Span> generations) {
    public Rendered {
      generations = List.copyOf(generations);
    }
  }

  /// A piece of the rendered text, in UTF-16 units, from `start` (inclusive) to `end` (exclusive).
  public record Span(int start, int end) {}

  /// Loads a template.
  ///
  /// @throws TemplateException of kind `SYNTAX` for what jinja2 or this interpreter does not know
  public static Template parse(String source) {
    return parse(source, Limits.DEFAULT);
  }

  /// Loads a template that is rendered within `limits`.
  public static Template parse(String source, Limits limits) {
    if (source.length() > MAX_SOURCE)
      throw TemplateException.syntax(
          1, "the template is longer than " + MAX_SOURCE + " characters");
    try {
      return new Template(StatementParser.parse(Lexer.tokens(source)), limits);
    } catch (StackOverflowError _) {
      throw TemplateException.syntax(1, "the template is nested too deep");
    }
  }

  /// Renders with the given variables.
  ///
  /// @param variables a JSON object; null is Python's None
  /// @param now what `strftime_now` shows
  /// @throws TemplateException of kind `RAISED`, `RENDER` or `LIMIT`
  public Rendered render(JsonNode variables, LocalDateTime now) {
    Budget budget = new Budget(limits);
    Map<String, Value> names = new HashMap<>(Globals.at(now));
    variables.properties().forEach(entry -> names.put(entry.getKey(), Values.of(entry.getValue())));
    Output output = new Output(budget);
    try {
      body.render(Scope.root(names, budget), output);
    } catch (StackOverflowError _) {
      // The tree was bounded at load; what is left are values nested in a loop.
      throw TemplateException.limit("nested values too deep");
    }
    return new Rendered(output.toString(), output.generations());
  }
}
