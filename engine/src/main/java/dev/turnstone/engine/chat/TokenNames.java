package dev.turnstone.engine.chat;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// Finds names of tokens in a text: at a place, the longest one. Immutable.
final class TokenNames {
  private final Map<Character, List<String>> byFirst = new HashMap<>();

  TokenNames(Collection<String> names) {
    for (String name : names)
      if (!name.isEmpty())
        byFirst.computeIfAbsent(name.charAt(0), first -> new ArrayList<>()).add(name);
    byFirst.values().forEach(same -> same.sort(Comparator.comparingInt(String::length).reversed()));
  }

  /// Length of the longest name that stands at a place; 0 if none does.
  int at(String text, int place) {
    for (String name : byFirst.getOrDefault(text.charAt(place), List.of()))
      if (text.startsWith(name, place)) return name.length();
    return 0;
  }

  /// Whether a name begins at a place, or would if the text went on as it must.
  boolean mayBegin(String text, int place) {
    for (String name : byFirst.getOrDefault(text.charAt(place), List.of())) {
      int length = Math.min(name.length(), text.length() - place);
      if (text.startsWith(name.substring(0, length), place)) return true;
    }
    return false;
  }

  /// The first name in a text; empty if there is none.
  String firstIn(String text) {
    for (int i = 0; i < text.length(); i++) {
      int length = at(text, i);
      if (length > 0) return text.substring(i, i + length);
    }
    return "";
  }
}
