package dev.turnstone.engine.grammar;

import dev.turnstone.rollout.Constraint;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Grammars of the constraints that were asked for last, so that the requests of a group share one.
/// Safe for many threads.
public final class Constraints {
  private static final int KEPT = 32;

  private final Map<Constraint, Grammar> kept =
      new LinkedHashMap<>(KEPT, 0.75f, true) {
        private static final long serialVersionUID = 1;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Constraint, Grammar> eldest) {
          return size() > KEPT;
        }
      }; // guarded by this

  /// The grammar of a constraint.
  ///
  /// @throws IllegalArgumentException with a sentence if the constraint cannot be compiled
  public Grammar grammar(Constraint constraint) {
    synchronized (this) {
      Grammar known = kept.get(constraint);
      if (known != null) return known;
    }
    Grammar made = compile(constraint);
    synchronized (this) {
      kept.put(constraint, made);
    }
    return made;
  }

  static Grammar compile(Constraint constraint) {
    try {
      Grammar grammar = new Grammar(part(constraint));
      if (grammar.start().dead() && !grammar.start().accepting())
        throw new IllegalArgumentException("no text is of the form that the constraint asks for");
      return grammar;
    } catch (StackOverflowError _) {
      throw new IllegalArgumentException("the constraint is nested too deeply");
    }
  }

  private static Part part(Constraint constraint) {
    return switch (constraint) {
      case Constraint.Literal(String text) -> Part.literal(text);
      case Constraint.Tag(String text) -> Part.oneOf(TokenTrie.tag(text), Part.literal(text));
      case Constraint.Schema(var schema) -> SchemaGrammar.of(schema.text());
      case Constraint.Regex(String pattern) -> Regex.whole(pattern, Utf8::of);
      case Constraint.Until(String marker) -> UntilText.of(marker);
      case Constraint.Concat(List<Constraint> parts) -> Part.sequence(parts(parts));
      case Constraint.OneOf(List<Constraint> choices) -> Part.oneOf(parts(choices));
      case Constraint.Repeat(Constraint part, int min, int max) ->
          Part.repeated(part(part), min, max);
    };
  }

  private static List<Part> parts(List<Constraint> constraints) {
    List<Part> parts = new ArrayList<>();
    for (Constraint constraint : constraints) parts.add(part(constraint));
    return parts;
  }
}
