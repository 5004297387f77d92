package dev.turnstone.rollout;

import java.util.List;

/// What the text of a generation must be. A policy that takes constraints draws only tokens that
/// can still lead there, and a stop id only where the text is complete.
public sealed interface Constraint {
  /// Exactly this text.
  record Literal(String text) implements Constraint {}

  /// A text that the policy may write as the special token of that name, or letter by letter.
  record Tag(String text) implements Constraint {
    public Tag {
      if (text.isEmpty()) throw new IllegalArgumentException("tag is empty");
    }
  }

  /// A JSON value that a JSON Schema accepts; `{"type": "object"}` is any object.
  record Schema(Json schema) implements Constraint {}

  /// Text that a regular expression (ECMA-262 without anchors, which are implied) matches whole.
  record Regex(String pattern) implements Constraint {}

  /// Any text up to the first appearance of `marker`, which is part of it.
  record Until(String marker) implements Constraint {
    public Until {
      if (marker.isEmpty()) throw new IllegalArgumentException("marker is empty");
    }
  }

  /// One after the other.
  record Concat(List<Constraint> parts) implements Constraint {
    public Concat {
      parts = List.copyOf(parts);
    }
  }

  /// One of them.
  record OneOf(List<Constraint> choices) implements Constraint {
    public OneOf {
      choices = List.copyOf(choices);
      if (choices.isEmpty()) throw new IllegalArgumentException("no choices");
    }
  }

  /// The same again, at least `min` and at most `max` times.
  record Repeat(Constraint part, int min, int max) implements Constraint {
    public Repeat {
      if (min < 0 || max < min || max < 1)
        throw new IllegalArgumentException("not a number of times: %d to %d".formatted(min, max));
    }
  }
}
