package dev.turnstone.server.completion;

import java.util.Set;

/// What ends a choice besides its bound.
///
/// @param strings texts that end it
/// @param keepString whether the string that ended it stays in the text
/// @param ids token ids that end it, besides the format's own; such an id stays in the ids
/// @param ignoreFormat whether the format's own ids do not end it
public record Ends(
    Set<String> strings, boolean keepString, Set<Integer> ids, boolean ignoreFormat) {
  /// The format's own ids only.
  public static final Ends FORMAT = new Ends(Set.of(), false, Set.of(), false);

  public Ends {
    ids = Set.copyOf(ids);
  }
}
