package dev.turnstone.engine.grammar;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// JSON objects whose properties come in any order. Which of them there were already is part of
/// where a text is, so no named property comes twice.
final class ObjectText {
  private final List<Property> properties;
  private final Optional<Part> others;
  private final Part otherName;
  private final int min;
  private final int max;
  private final Map<Seen, Node> built = new HashMap<>();

  /// A property with a name. One whose value is impossible may not be there.
  record Property(String name, boolean required, Part value) {}

  /// @param named properties there were, by their places
  /// @param count of all properties so far; counted only as far as it matters
  private record Seen(BitSet named, int count, boolean first) {}

  private ObjectText(List<Property> properties, Optional<Part> others, int min, int max) {
    this.properties = properties;
    this.others = others;
    this.min = min;
    this.max = max;
    this.otherName = new OtherNames(properties.stream().map(Property::name).toList()).part();
  }

  /// @param others what properties without a name here may be; empty: none
  static Part of(List<Property> properties, Optional<Part> others, int min, int max) {
    ObjectText text = new ObjectText(List.copyOf(properties), others, min, max);
    Part body = next -> text.at(new Seen(new BitSet(), 0, true), next);
    return Part.sequence(Part.literal("{"), JsonText.GAP, Rule.of(body));
  }

  private Node at(Seen seen, Node next) {
    return built.computeIfAbsent(seen, s -> new Node.Later(() -> build(s, next)));
  }

  private Node build(Seen seen, Node next) {
    List<Node> ways = new ArrayList<>();
    int missing = 0;
    for (int i = 0; i < properties.size(); i++)
      if (properties.get(i).required() && !seen.named().get(i)) missing++;
    if (missing == 0 && seen.count() >= min)
      ways.add(Part.sequence(JsonText.GAP, Part.literal("}")).then(next));
    Part start = seen.first() ? Part.NOTHING : JsonText.COMMA;
    int room = max - seen.count();
    for (int i = 0; i < properties.size(); i++) {
      Property property = properties.get(i);
      boolean fits = room > (property.required() ? missing - 1 : missing);
      if (seen.named().get(i) || !fits || property.value().equals(Part.IMPOSSIBLE)) continue;
      BitSet named = (BitSet) seen.named().clone();
      named.set(i);
      Part name = JsonText.quoted(NameText.of(property.name()));
      ways.add(
          Part.sequence(start, name, JsonText.COLON, property.value())
              .then(at(new Seen(named, count(seen), false), next)));
    }
    if (others.isPresent() && room > missing)
      ways.add(
          Part.sequence(start, otherName, JsonText.COLON, others.get())
              .then(at(new Seen(seen.named(), count(seen), false), next)));
    return new Node.Split(ways);
  }

  private int count(Seen seen) {
    return max == Integer.MAX_VALUE ? Math.min(min, seen.count() + 1) : seen.count() + 1;
  }
}
