package dev.turnstone.server.sessions;

import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.Rendering;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.ToolSpec;
import dev.turnstone.rollout.session.Continuation;
import dev.turnstone.server.completion.Ask;
import dev.turnstone.server.completion.Choice;
import dev.turnstone.server.completion.Recorder;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// Records the completions of one call in its session. Used by the call's thread, but for [#turns].
final class SessionRecorder implements Recorder {
  private final Session session;
  private final Set<Continuation> begun = new HashSet<>();
  private final IdentityHashMap<Ask, Continuation> asked = new IdentityHashMap<>();
  private Optional<Continuation> latest = Optional.empty();
  private volatile List<Integer> turns = List.of();

  SessionRecorder(Session session) {
    this.session = session;
  }

  @Override
  public Tokens prompt(List<Message> messages, List<ToolSpec> tools, Rendering rendering) {
    return begin(session.record().begin(messages, tools, rendering)).prompt();
  }

  private Continuation begin(Continuation call) {
    begun.add(call);
    call.previous().ifPresent(session.calls()::goneOnFrom);
    latest = Optional.of(call);
    return call;
  }

  @Override
  public Ask ask(Ask wanted) {
    Continuation call =
        latest
            .filter(known -> known.prompt().equals(wanted.prompt()))
            .orElseGet(() -> begin(session.record().begin(wanted.prompt())));
    Ask allowed = session.allowed(wanted);
    // Of several choices none is known to be the one that is gone on from.
    if (allowed.n() == 1) allowed = allowed.withConversation(session.conversation(call.row()));
    asked.put(allowed, call);
    return allowed;
  }

  @Override
  public void ended(List<Choice> choices) {
    List<Integer> accepted = new ArrayList<>();
    for (Choice choice : choices) {
      if (choice.tokens().isEmpty()) continue;
      Continuation first = asked.get(choice.ask());
      if (first == null) throw new IllegalStateException("a choice that nobody asked for");
      Continuation call = begun.remove(first) ? first : session.record().again(first);
      accepted.add(session.accept(call, choice));
    }
    turns = List.copyOf(accepted);
  }

  /// The turns that the call came to; empty until it has ended.
  List<Integer> turns() {
    return turns;
  }

  /// Gives up what was begun and did not end.
  void close() {
    begun.forEach(session.record()::abandon);
    begun.clear();
    asked.clear();
    latest = Optional.empty();
  }
}
