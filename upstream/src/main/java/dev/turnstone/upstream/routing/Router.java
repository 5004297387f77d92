package dev.turnstone.upstream.routing;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/// The queue in which turns wait for an engine, and what gives them one: first those whose
/// conversation began first, so that a group's last rollout is not held up by the next group.
///
/// One lock guards all of it, and nothing under it blocks or computes for long.
public final class Router {
  private final RoutingPolicy policy;
  private final ReentrantLock lock = new ReentrantLock();
  private final List<Node> nodes = new ArrayList<>();
  private final Map<String, Conversation> conversations = new HashMap<>();
  private final TreeSet<Waiter> waiting =
      new TreeSet<>(Comparator.comparingLong(Waiter::since).thenComparingLong(Waiter::ticket));
  private long tickets;

  public Router(Routing routing) {
    policy = routing.policy();
  }

  /// A conversation between its first turn and [#forget].
  private static final class Conversation {
    final long since;
    Optional<Node> node = Optional.empty();
    int tokens;

    Conversation(long since) {
      this.since = since;
    }
  }

  /// A turn that waits; `node` is set once it has one.
  private static final class Waiter {
    final Turn turn;
    final long since;
    final long ticket;
    final Condition served;
    Optional<Node> node = Optional.empty();

    Waiter(Turn turn, long since, long ticket, Condition served) {
      this.turn = turn;
      this.since = since;
      this.ticket = ticket;
      this.served = served;
    }

    long since() {
      return since;
    }

    long ticket() {
      return ticket;
    }
  }

  /// Adds an engine, which is down at first. It takes the place of one that was removed.
  public Node add(String name, double limit) {
    lock.lock();
    try {
      int place = 0;
      while (place < nodes.size() && !nodes.get(place).removed) place++;
      Node node = new Node(name, place, limit);
      if (place == nodes.size()) nodes.add(node);
      else nodes.set(place, node);
      policy.added(node);
      return node;
    } finally {
      lock.unlock();
    }
  }

  /// Removes an engine for good. Turns that it has may still be given back.
  public void remove(Node node) {
    up(node, false);
    lock.lock();
    try {
      node.removed = true;
      policy.removed(node);
    } finally {
      lock.unlock();
    }
  }

  /// Says whether an engine takes turns. One that goes down has lost its conversations.
  public void up(Node node, boolean up) {
    lock.lock();
    try {
      if (node.up && !up) {
        policy.lost(node);
        for (Conversation one : conversations.values())
          if (one.node.filter(node::equals).isPresent()) unbind(one);
      }
      node.up = up;
      serve();
    } finally {
      lock.unlock();
    }
  }

  /// Says how many turns an engine may have at once.
  public void limit(Node node, double limit) {
    lock.lock();
    try {
      node.limit = limit;
      serve();
    } finally {
      lock.unlock();
    }
  }

  /// An engine for a turn, which the caller gives back with [#done]; empty if there was none in
  /// time.
  public Optional<Node> take(Turn turn, Duration patience) throws InterruptedException {
    lock.lockInterruptibly();
    try {
      Waiter waiter = new Waiter(turn, since(turn), tickets++, lock.newCondition());
      if (waiting.isEmpty() || first(waiter)) tryServe(waiter);
      if (waiter.node.isEmpty()) await(waiter, patience);
      return waiter.node;
    } finally {
      lock.unlock();
    }
  }

  /// Whether nobody who waits has a better right. Those who wait for an engine of their own do not
  /// hold up the others, so a later one may still be served by [#serve].
  private boolean first(Waiter waiter) {
    return waiting.first().since() > waiter.since() || waiting.stream().noneMatch(this::unbound);
  }

  private boolean unbound(Waiter waiter) {
    return last(waiter.turn).isEmpty();
  }

  private void await(Waiter waiter, Duration patience) throws InterruptedException {
    waiting.add(waiter);
    try {
      long left = patience.toNanos();
      while (waiter.node.isEmpty() && left > 0) left = waiter.served.awaitNanos(left);
    } catch (InterruptedException e) {
      if (waiter.node.isPresent()) release(waiter.turn, waiter.node.get(), 0);
      throw e;
    } finally {
      waiting.remove(waiter);
    }
  }

  private long since(Turn turn) {
    if (turn.conversation().isEmpty()) return tickets;
    return conversations.computeIfAbsent(turn.conversation().get(), _ -> new Conversation(tickets))
        .since;
  }

  private Optional<Node> last(Turn turn) {
    return turn.conversation()
        .flatMap(name -> Optional.ofNullable(conversations.get(name)))
        .flatMap(conversation -> conversation.node);
  }

  private boolean tryServe(Waiter waiter) {
    Optional<Node> chosen = policy.choose(waiter.turn, last(waiter.turn), nodes);
    if (chosen.isEmpty()) return false;
    Node node = chosen.get();
    node.inFlight++;
    waiter.turn.conversation().ifPresent(name -> bind(name, node, waiter.turn.prompt().size()));
    policy.chosen(waiter.turn, node);
    waiter.node = chosen;
    return true;
  }

  private void bind(String name, Node node, int tokens) {
    Conversation conversation = conversations.computeIfAbsent(name, _ -> new Conversation(tickets));
    unbind(conversation);
    conversation.node = Optional.of(node);
    conversation.tokens = tokens;
    node.conversations++;
    node.tokens += tokens;
  }

  private static void unbind(Conversation conversation) {
    conversation.node.ifPresent(node -> {
      node.conversations--;
      node.tokens -= conversation.tokens;
    });
    conversation.node = Optional.empty();
  }

  /// Serves whoever waits, in order, as far as there are places.
  private void serve() {
    if (waiting.isEmpty()) return;
    int places = 0;
    for (Node node : nodes) if (node.up) places += Math.max(0, (int) node.limit - node.inFlight);
    for (Waiter waiter : List.copyOf(waiting)) {
      if (places == 0) return;
      if (!tryServe(waiter)) continue;
      places--;
      waiting.remove(waiter);
      waiter.served.signal();
    }
  }

  /// Gives an engine back.
  ///
  /// @param tokens of the conversation now, prompt and generation; 0 if unknown
  public void done(Turn turn, Node node, int tokens) {
    lock.lock();
    try {
      release(turn, node, tokens);
    } finally {
      lock.unlock();
    }
  }

  private void release(Turn turn, Node node, int tokens) {
    node.inFlight--;
    turn.conversation()
        .flatMap(name -> Optional.ofNullable(conversations.get(name)))
        .filter(conversation -> tokens > 0 && conversation.node.filter(node::equals).isPresent())
        .ifPresent(conversation -> {
          node.tokens += tokens - conversation.tokens;
          conversation.tokens = tokens;
        });
    serve();
  }

  /// A conversation has ended.
  public void forget(String conversation) {
    lock.lock();
    try {
      Optional.ofNullable(conversations.remove(conversation)).ifPresent(Router::unbind);
    } finally {
      lock.unlock();
    }
  }

  /// What one engine carries.
  public record Load(int inFlight, int conversations, long tokens, double limit) {}

  public Load load(Node node) {
    lock.lock();
    try {
      return new Load(node.inFlight, node.conversations, node.tokens, node.limit);
    } finally {
      lock.unlock();
    }
  }

  /// Turns that wait for an engine.
  public int waiting() {
    lock.lock();
    try {
      return waiting.size();
    } finally {
      lock.unlock();
    }
  }
}
