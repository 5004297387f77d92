package dev.turnstone.engine.chat.tools;

import dev.turnstone.engine.chat.tools.Opening.Place;
import java.util.List;

/// How a family of models writes tool calls.
///
/// @param name as `--tool-parser` knows it
/// @param sections ways of writing calls; the first whose opening fits is the one
/// @param ids how calls are named that have no id of their own
public record ToolFormat(String name, List<Section> sections, CallIds ids) {
  public ToolFormat {
    sections = List.copyOf(sections);
  }

  /// Calls in a row.
  ///
  /// @param before what comes before the first call
  /// @param separator between two calls; empty if each begins like the first
  /// @param after what comes after the last call
  record Section(
      Opening opening, List<Step> before, List<Step> call, String separator, List<Step> after) {}

  /// Names for calls.
  enum CallIds {
    PLAIN,
    /// Nine letters and digits, which some templates insist on.
    NINE;

    String id(int turn, int number) {
      return switch (this) {
        case PLAIN -> "call_" + turn + "_" + number;
        case NINE -> "c%08d".formatted(Math.floorMod(turn * 1000L + number, 100_000_000L));
      };
    }
  }

  /// Where calls begin first; see [Opening#find].
  Place find(StringBuilder text, int from, int start, boolean ended) {
    Place first = new Place(text.length(), false);
    for (Section section : sections) {
      Place place = section.opening().find(text, from, start, ended);
      if (place.at() < first.at() || (place.at() == first.at() && place.certain())) first = place;
    }
    return first;
  }

  /// Whether calls begin with nothing but tags, which end an unfinished reasoning.
  boolean endsReasoning() {
    return sections.stream().allMatch(section -> section.opening().isTag());
  }
}
