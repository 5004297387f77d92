package dev.turnstone.rollout.session;

import dev.turnstone.rollout.ChatFormat;
import dev.turnstone.rollout.Generation;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.Rendering;
import dev.turnstone.rollout.Row;
import dev.turnstone.rollout.Sampling;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.ToolSpec;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// The token record of a session: a tree of turns, of which each path to a leaf is a row.
///
/// Clients resend the whole history with every call. It is matched message by message with what was
/// said: the longest history that ends with a turn of this session is not rendered again, its ids
/// are held, and only what follows is tokenised. Sub-agents, compaction and parallel calls become
/// further rows, and a turn that several rows share is trained in the first of them.
///
/// Safe for many threads; nothing is tokenised under the lock.
public final class SessionRecord {
  private final ChatFormat format;
  private final Object lock = new Object();
  // All guarded by lock.
  private final List<Node> turns = new ArrayList<>();
  private final Map<Digest, List<Node>> ends = new HashMap<>();
  private final Set<Digest> told = new HashSet<>();
  private int begun;
  private int rows;

  public SessionRecord(ChatFormat format) {
    this.format = format;
  }

  /// Begins a turn after `messages`, which is to be accepted or abandoned.
  ///
  /// @throws IllegalArgumentException if the chat template refuses them
  public Continuation begin(List<Message> messages, List<ToolSpec> tools) {
    return begin(messages, tools, Rendering.USUAL);
  }

  /// The same for a client that asks for another rendering; one that held ids cannot give is done
  /// from the first message on.
  public Continuation begin(List<Message> messages, List<ToolSpec> tools, Rendering rendering) {
    List<Digest> histories = Digest.histories(messages);
    Digest offered = Digest.of(tools);
    Found found;
    int row;
    synchronized (lock) {
      found = rendering.follows() ? find(messages, histories, offered) : apart();
      row = hold(found);
    }
    try {
      return render(messages, tools, rendering, histories, offered, found, row);
    } catch (RuntimeException e) {
      release(found.node());
      synchronized (lock) {
        begun--; // Nothing was: a client that mends its messages begins its first conversation.
      }
      throw e;
    }
  }

  /// Begins a turn after ids that the client encoded itself: held ids that begin the prompt count
  /// as its history.
  public Continuation begin(Tokens prompt) {
    synchronized (lock) {
      Optional<Node> longest = Optional.empty();
      for (Node node : turns)
        if (node.length <= prompt.size()
            && longest.map(best -> best.length < node.length).orElse(true)
            && prompt.startsWith(node.held())) longest = Optional.of(node);
      int from = longest.map(node -> node.length).orElse(0);
      Match match =
          longest.isPresent()
              ? longest.get().continuations == 0 ? Match.CLEAN : Match.fork("branch")
              : begun == 0 ? Match.CLEAN : Match.fork("new_conversation");
      int row = hold(new Found(longest, from, match));
      return new Continuation(
          longest,
          match,
          prompt,
          prompt.slice(from, prompt.size()),
          Digest.EMPTY,
          Digest.EMPTY,
          List.of(),
          Optional.empty(),
          row);
    }
  }

  /// For what is rendered by itself.
  private Found apart() {
    return new Found(Optional.empty(), 0, begun == 0 ? Match.CLEAN : Match.fork("rendering"));
  }

  /// Where a history leaves what is known.
  ///
  /// @param node the last turn that it shares, whose ids are held
  /// @param shared messages up to there
  private record Found(Optional<Node> node, int shared, Match match) {}

  private Found find(List<Message> messages, List<Digest> histories, Digest tools) {
    boolean otherTools = false;
    for (int i = messages.size(); i > 0; i--) {
      List<Node> known = ends.getOrDefault(histories.get(i - 1), List.of());
      if (known.isEmpty()) continue;
      Optional<Node> node = best(known, tools);
      if (node.isPresent()) return new Found(node, i, match(node.get(), messages, i));
      otherTools = true;
    }
    if (begun == 0) return new Found(Optional.empty(), 0, Match.CLEAN);
    if (otherTools) return new Found(Optional.empty(), 0, Match.fork("tools"));
    int shared = 0;
    while (shared < messages.size() && told.contains(histories.get(shared))) shared++;
    String reason =
        shared == messages.size()
            ? "sampled_again"
            : shared == 0 ? "new_conversation" : "message_" + shared;
    return new Found(Optional.empty(), 0, Match.fork(reason));
  }

  /// Of turns that said the same, the newest that nothing follows yet, else the newest.
  private static Optional<Node> best(List<Node> known, Digest tools) {
    Optional<Node> best = Optional.empty();
    for (Node node : known)
      if (node.tools.equals(tools)
          && (best.isEmpty() || node.continuations == 0 || best.get().continuations > 0))
        best = Optional.of(node);
    return best;
  }

  private static Match match(Node node, List<Message> messages, int shared) {
    for (int i = shared; i < messages.size(); i++)
      if (messages.get(i) instanceof Message.Assistant) return Match.realign(i);
    return node.continuations == 0 ? Match.CLEAN : Match.fork("branch");
  }

  /// Takes a place behind what was found.
  ///
  /// @return the conversation: that of the turn before it, unless another call goes on from there
  private int hold(Found found) {
    begun++;
    int row =
        found.node().filter(n -> n.continuations == 0).map(n -> n.row).orElseGet(() -> rows++);
    found
        .node()
        .ifPresent(node -> {
          node.continuations++;
          if (!node.discarded) return;
          node.discarded = false;
          node.parent.ifPresent(parent -> parent.continuations++);
        });
    return row;
  }

  private void release(Optional<Node> node) {
    synchronized (lock) {
      node.ifPresent(held -> held.continuations--);
    }
  }

  /// What the template has taken, so that a later call can be told where it differs.
  private void heard(List<Digest> histories) {
    synchronized (lock) {
      told.addAll(histories);
    }
  }

  private Continuation render(
      List<Message> messages,
      List<ToolSpec> tools,
      Rendering rendering,
      List<Digest> histories,
      Digest offered,
      Found found,
      int row) {
    int count = messages.size() - (rendering.continued() ? 1 : 0);
    List<Message> heard = List.copyOf(messages.subList(found.shared(), count));
    Digest history = count == 0 ? Digest.EMPTY : histories.get(count - 1);
    if (found.node().isEmpty()) {
      Tokens prompt = format.prompt(messages, tools, rendering);
      heard(histories);
      return new Continuation(
          Optional.empty(),
          found.match(),
          prompt,
          prompt.slice(0, prompt.size()), // is held for long; the prompt is written as JSON
          history,
          offered,
          heard,
          rendering.continued()
              ? Optional.of((Message.Assistant) messages.getLast())
              : Optional.empty(),
          row);
    }
    Node node = found.node().get();
    Tokens held = node.held();
    Tokens suffix = format.suffix(held, heard, tools, rendering.variables());
    heard(histories);
    return new Continuation(
        found.node(),
        found.match(),
        held.plus(suffix),
        suffix,
        history,
        offered,
        heard,
        Optional.empty(),
        row);
  }

  /// Takes what was sampled for a call.
  ///
  /// @param spoken as the client reads it and will send it back
  /// @return the turn's number
  public int accept(
      Continuation call, Generation generation, Sampling sampling, Message.Assistant spoken) {
    return accept(call, generation, sampling, spoken, Optional.empty());
  }

  /// The same for what a client may have read in two ways.
  ///
  /// @param heard the other way
  public int accept(
      Continuation call,
      Generation generation,
      Sampling sampling,
      Message.Assistant spoken,
      Optional<Message.Assistant> heard) {
    Message.Assistant said = call.whole(spoken);
    Told told = new Told(call.heard); // packs long texts, so not under the lock
    synchronized (lock) {
      Node node = new Node(turns.size(), call, told, generation, sampling, said);
      turns.add(node);
      call.parent.ifPresent(parent -> parent.inner = true);
      if (!call.history.equals(Digest.EMPTY) || !call.heard.isEmpty()) {
        end(call.history.then(said), node);
        heard.ifPresent(other -> end(call.history.then(call.whole(other)), node));
      }
      return node.number;
    }
  }

  private void end(Digest end, Node node) {
    told.add(end);
    ends.computeIfAbsent(end, e -> new ArrayList<>(1)).add(node);
  }

  /// The same call once more, as one call with several choices begins it.
  public Continuation again(Continuation call) {
    synchronized (lock) {
      call.parent.ifPresent(parent -> parent.continuations++);
      return call.again(rows++);
    }
  }

  /// Gives a call up whose turn was not accepted.
  public void abandon(Continuation call) {
    release(call.parent);
  }

  /// Leaves a turn out that no client has seen, unless a later call shows that one has.
  public void discard(int turn) {
    synchronized (lock) {
      Node node = turns.get(turn);
      if (node.discarded || node.continuations > 0) return;
      node.discarded = true;
      node.parent.ifPresent(parent -> parent.continuations--);
    }
  }

  /// Turns that were accepted.
  public int turns() {
    synchronized (lock) {
      return turns.size();
    }
  }

  /// Conversations that were begun: those of [Continuation#row] below this.
  public int conversations() {
    synchronized (lock) {
      return rows;
    }
  }

  /// Ids that were sampled.
  public int generated() {
    synchronized (lock) {
      return turns.stream().mapToInt(node -> node.generation.ids().size()).sum();
    }
  }

  /// One row per path to a last turn, in the order of these.
  public List<Row> rows() {
    synchronized (lock) {
      return new Rows(format.rewritesHistory()).of(turns);
    }
  }

  /// What a session has come to.
  public SessionSummary summary() {
    synchronized (lock) {
      return SessionSummary.of(turns);
    }
  }
}
