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
  private final Optional<Others> others;
  private final Map<String, List<String>> dependencies;
  private final int min;
  private final int max;
  private final Map<Seen, Node> built = new HashMap<>();

  /// A property with a name. One whose value is impossible may not be there.
  record Property(String name, boolean required, Part value) {}

  /// Properties that are not listed.
  ///
  /// @param name in quotes, none of those that are
  record Others(Part name, Part value) {}

  /// @param named properties there were, by their places
  /// @param other whether there was one that is not listed; known only if it matters
  /// @param count of all properties so far; counted only as far as it matters
  private record Seen(BitSet named, boolean other, int count, boolean first) {}

  private ObjectText(
      List<Property> properties,
      Optional<Others> others,
      Map<String, List<String>> dependencies,
      int min,
      int max) {
    this.properties = properties;
    this.others = others;
    this.dependencies = dependencies;
    this.min = min;
    this.max = max;
  }

  /// Objects without bounds.
  ///
  /// @param others what properties that are not listed may be
  static Part of(List<Property> properties, Part others) {
    Part name = new OtherNames(properties.stream().map(Property::name).toList()).part();
    Optional<Others> open = Optional.of(new Others(name, others));
    return of(properties, open, Map.of(), 0, Integer.MAX_VALUE);
  }

  /// @param others empty: none
  /// @param dependencies names that are needed beside a name, all of them listed
  static Part of(
      List<Property> properties,
      Optional<Others> others,
      Map<String, List<String>> dependencies,
      int min,
      int max) {
    ObjectText text = new ObjectText(List.copyOf(properties), others, dependencies, min, max);
    Part body = next -> text.at(new Seen(new BitSet(), false, 0, true), next);
    return Part.sequence(Part.literal("{"), JsonText.GAP, Rule.of(body));
  }

  private Node at(Seen seen, Node next) {
    return built.computeIfAbsent(seen, s -> new Node.Later(() -> build(s, next)));
  }

  private Node build(Seen seen, Node next) {
    List<Node> ways = new ArrayList<>();
    int missing = missing(seen.named());
    // The same name may come twice among those that are not listed, so they count as one.
    int distinct = seen.named().cardinality() + (seen.other() ? 1 : 0);
    if (missing == 0 && distinct >= min)
      ways.add(Part.sequence(JsonText.GAP, Part.literal("}")).then(next));
    Part start = seen.first() ? Part.NOTHING : JsonText.COMMA;
    int room = max - seen.count();
    for (int i = 0; i < properties.size(); i++) {
      Property property = properties.get(i);
      if (seen.named().get(i) || property.value().equals(Part.IMPOSSIBLE)) continue;
      BitSet named = (BitSet) seen.named().clone();
      named.set(i);
      if (!possible(named) || !feasible(named, seen.other(), room - 1)) continue;
      Part name = JsonText.quoted(NameText.of(property.name()));
      ways.add(
          Part.sequence(start, name, JsonText.COLON, property.value())
              .then(at(new Seen(named, seen.other(), count(seen), false), next)));
    }
    if (others.isPresent() && feasible(seen.named(), true, room - 1))
      ways.add(
          Part.sequence(start, others.get().name(), JsonText.COLON, others.get().value())
              .then(at(new Seen(seen.named(), min > 0, count(seen), false), next)));
    return new Node.Split(ways);
  }

  /// How many listed properties are still needed.
  private int missing(BitSet named) {
    BitSet needed = needed(named);
    needed.andNot(named);
    return needed.cardinality();
  }

  /// Whether what is still needed can come.
  ///
  /// @param room for further properties
  private boolean feasible(BitSet named, boolean other, int room) {
    int distinct = named.cardinality() + (other ? 1 : 0);
    int fresh = others.isPresent() && !other ? 1 : 0;
    for (int i = 0; i < properties.size(); i++)
      if (!named.get(i) && !properties.get(i).value().equals(Part.IMPOSSIBLE)) fresh++;
    return missing(named) <= room && min - distinct <= Math.min(room, fresh);
  }

  private boolean possible(BitSet named) {
    return needed(named).stream().noneMatch(i -> properties.get(i).value().equals(Part.IMPOSSIBLE));
  }

  /// The required properties, and what those that are there or needed need.
  private BitSet needed(BitSet named) {
    BitSet needed = new BitSet();
    for (int i = 0; i < properties.size(); i++)
      if (properties.get(i).required() || named.get(i)) needed.set(i);
    for (int before = -1; before != needed.cardinality(); ) {
      before = needed.cardinality();
      for (int i = 0; i < properties.size(); i++) {
        if (!needed.get(i)) continue;
        List<String> beside = dependencies.getOrDefault(properties.get(i).name(), List.of());
        for (int j = 0; j < properties.size(); j++)
          if (beside.contains(properties.get(j).name())) needed.set(j);
      }
    }
    return needed;
  }

  /// Counted only where there is a bound.
  private int count(Seen seen) {
    return max == Integer.MAX_VALUE ? 0 : seen.count() + 1;
  }
}
