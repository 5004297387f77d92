package dev.turnstone.server.completion;

import java.util.Comparator;
import java.util.Optional;
import java.util.Set;

/// Lets text through until a stop string appears. What may be the beginning of one is held back, so
/// that nobody sees part of a stop string. Used by one thread.
final class StopStrings {
  private final Set<String> stops;
  private final boolean keep;
  private final int reach;
  private final StringBuilder held = new StringBuilder();
  private Optional<String> hit = Optional.empty();

  StopStrings(Set<String> stops, boolean keep) {
    this.keep = keep;
    this.stops = stops;
    this.reach = stops.stream().mapToInt(String::length).max().orElse(1) - 1;
  }

  /// Takes more text and gives what can no longer be part of a stop string.
  String push(String text) {
    if (stops.isEmpty()) return text;
    if (hit.isPresent()) return "";
    held.append(text);
    hit = stops.stream().filter(stop -> held.indexOf(stop) >= 0).min(completeFirst());
    if (hit.isPresent()) return take(held.indexOf(hit.get()) + (keep ? hit.get().length() : 0));
    return take(safe());
  }

  /// Which stop string was complete first, however the text was cut into pieces.
  private Comparator<String> completeFirst() {
    return Comparator.<String>comparingInt(stop -> held.indexOf(stop) + stop.length())
        .thenComparing(String::length, Comparator.reverseOrder());
  }

  /// Gives what was held back, for the text has ended.
  String end() {
    return hit.isPresent() ? "" : take(held.length());
  }

  /// The stop string that ended the text.
  Optional<String> hit() {
    return hit;
  }

  /// Where the longest tail begins that is the beginning of a stop string.
  private int safe() {
    for (int from = Math.max(0, held.length() - reach); from < held.length(); from++) {
      String tail = held.substring(from);
      if (stops.stream().anyMatch(stop -> stop.startsWith(tail))) return from;
    }
    return held.length();
  }

  private String take(int length) {
    String text = held.substring(0, length);
    held.delete(0, length);
    return text;
  }
}
