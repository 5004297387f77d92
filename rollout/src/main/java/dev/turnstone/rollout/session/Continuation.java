package dev.turnstone.rollout.session;

import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.Tokens;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/// A call that has begun: what the policy reads for it, and where its turn will hang.
public final class Continuation {
  final Optional<Node> parent;
  final Tokens observed;
  final Digest history;
  final Digest tools;
  final List<Message> heard;

  /// The beginning of what the policy says, if the client gave one.
  final Optional<Message.Assistant> opening;

  private final int row;
  private final Match match;
  private final Tokens prompt;

  Continuation(
      Optional<Node> parent,
      Match match,
      Tokens prompt,
      Tokens observed,
      Digest history,
      Digest tools,
      List<Message> heard,
      Optional<Message.Assistant> opening,
      int row) {
    this.parent = parent;
    this.opening = opening;
    this.row = row;
    this.match = match;
    this.prompt = prompt;
    this.observed = observed;
    this.history = history;
    this.tools = tools;
    this.heard = heard;
  }

  /// The same once more, as the beginning of another row.
  Continuation again(int other) {
    return new Continuation(
        parent,
        Match.fork("sampled_again"),
        prompt,
        observed,
        history,
        tools,
        heard,
        opening,
        other);
  }

  /// What the client has of the turn when it ends with `said`.
  Message.Assistant whole(Message.Assistant said) {
    return opening
        .map(begun ->
            new Message.Assistant(
                begun.content() + said.content(),
                said.toolCalls(),
                begun.reasoning() + said.reasoning()))
        .orElse(said);
  }

  /// Which of the session's conversations it is the next turn of: calls that share one follow one
  /// another.
  public int row() {
    return row;
  }

  /// The turn that it goes on from; empty if it begins a conversation.
  public OptionalInt previous() {
    return parent.map(node -> OptionalInt.of(node.number)).orElse(OptionalInt.empty());
  }

  public Match match() {
    return match;
  }

  /// All that the policy reads: the ids held so far, and the new ones.
  public Tokens prompt() {
    return prompt;
  }
}
