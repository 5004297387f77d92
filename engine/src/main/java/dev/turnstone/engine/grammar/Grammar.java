package dev.turnstone.engine.grammar;

import java.lang.ref.SoftReference;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;

/// All texts of a form, as an automaton over bytes whose states are built when a text first reaches
/// them.
///
/// A state is the set of places in the graph where a text may be, each with the calls it has to
/// return from (a pushdown automaton made deterministic on the way). Safe for many threads: one
/// lock guards the building; what is built never changes.
public final class Grammar {
  /// States that are found again; beyond, the table starts over and equal states may be built
  /// twice.
  private static final int REMEMBERED = 4096;

  /// Levels of nesting that a text may have.
  private static final int MOST_DEPTH = 1000;

  private static final long[] NO_MASK = {};

  private final Map<Set<Place>, State> states = new HashMap<>(); // guarded by this
  private final State start;

  Grammar(Part part) {
    synchronized (this) {
      start = state(closure(Set.of(new Place(part.then(Node.END), Frame.BOTTOM))));
    }
  }

  /// What a call returns to. Frames are compared by content.
  private record Frame(Node next, Optional<Frame> below, int depth, int hash) {
    static final Frame BOTTOM = new Frame(Node.END, Optional.empty(), 0, 0);

    Frame push(Node next) {
      return new Frame(next, Optional.of(this), depth + 1, 31 * hash + next.hashCode());
    }

    @Override
    public int hashCode() {
      return hash;
    }

    @Override
    public boolean equals(Object other) {
      Frame a = this;
      if (!(other instanceof Frame b) || hash != b.hash || depth != b.depth) return false;
      while (a != b) {
        if (a.next != b.next || a.depth == 0) return false;
        a = a.below.orElseThrow();
        b = b.below.orElseThrow();
      }
      return true;
    }
  }

  private record Place(Node at, Frame stack) {}

  /// Where a text may be after some bytes.
  final class State {
    private final Place[] places;
    private final boolean accepting;
    private final State[] next = new State[256]; // guarded by the grammar; empty: not built yet
    private final AtomicReference<SoftReference<long[]>> mask =
        new AtomicReference<>(new SoftReference<>(NO_MASK));

    private State(Set<Place> places) {
      this.places = places.stream().filter(place -> place.at() != Node.END).toArray(Place[]::new);
      this.accepting = places.stream().anyMatch(place -> place.at() == Node.END);
    }

    /// Whether the text is complete.
    boolean accepting() {
      return accepting;
    }

    /// Whether no text goes on from here.
    boolean dead() {
      return places.length == 0;
    }

    /// The state after one more byte; dead and not accepting if there is none.
    State after(int value) {
      State known = next[value];
      if (known != null) return known;
      synchronized (Grammar.this) {
        State made = step(this, value);
        next[value] = made;
        return made;
      }
    }

    /// Which tokens can follow, by bits; computed once while memory lasts.
    long[] mask(TokenTrie vocabulary) {
      long[] known = mask.get().get();
      if (known != null && known.length > 0) return known;
      long[] made = vocabulary.mask(this);
      mask.set(new SoftReference<>(made));
      return made;
    }
  }

  State start() {
    return start;
  }

  /// Whether the whole text is of the form.
  public boolean accepts(String text) {
    State state = start;
    for (byte b : text.getBytes(StandardCharsets.UTF_8)) state = state.after(Byte.toUnsignedInt(b));
    return state.accepting();
  }

  private State step(State from, int value) {
    Set<Place> reached = new HashSet<>();
    for (Place place : from.places)
      if (place.at() instanceof Node.Bytes bytes && bytes.set.contains(value))
        reached.add(new Place(bytes.next, place.stack()));
    return state(closure(reached));
  }

  private State state(Set<Place> places) {
    if (states.size() >= REMEMBERED) states.clear();
    return states.computeIfAbsent(places, State::new);
  }

  /// Follows everything that costs no byte: what remains reads a byte or is the end of the text.
  private static Set<Place> closure(Set<Place> from) {
    Set<Place> seen = new HashSet<>(from);
    Deque<Place> open = new ArrayDeque<>(from);
    Set<Place> settled = new HashSet<>();
    while (!open.isEmpty()) {
      Place place = open.pop();
      Frame stack = place.stack();
      switch (place.at()) {
        case Node.Bytes _ -> settled.add(place);
        case Node.Split split -> split.ways.forEach(way -> visit(way, stack, seen, open));
        case Node.Later later -> visit(later.get(), stack, seen, open);
        case Node.Call call -> {
          if (stack.depth() >= MOST_DEPTH) continue;
          // A call at the end of a rule returns to where the rule returns.
          Frame below = call.next == Node.END ? stack : stack.push(call.next);
          visit(call.rule.body(), below, seen, open);
        }
        case Node.End end -> {
          if (stack.depth() == 0) settled.add(new Place(end, Frame.BOTTOM));
          else visit(stack.next(), stack.below().orElseThrow(), seen, open);
        }
      }
    }
    return settled;
  }

  private static void visit(Node at, Frame stack, Set<Place> seen, Deque<Place> open) {
    Place place = new Place(at, stack);
    if (seen.add(place)) open.push(place);
  }
}
