package dev.turnstone.rollout.session;

import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.Tokens;
import java.util.List;
import java.util.Optional;

/// A call that has begun: what the policy reads for it, and where its turn will hang.
public final class Continuation {
  final Optional<Node> parent;
  final Tokens observed;
  final Digest history;
  final Digest tools;
  final List<Message> heard;
  private final Match match;
  private final Tokens prompt;

  Continuation(
      Optional<Node> parent,
      Match match,
      Tokens prompt,
      Tokens observed,
      Digest history,
      Digest tools,
      List<Message> heard) {
    this.parent = parent;
    this.match = match;
    this.prompt = prompt;
    this.observed = observed;
    this.history = history;
    this.tools = tools;
    this.heard = heard;
  }

  Continuation again() {
    return new Continuation(
        parent, Match.fork("sampled_again"), prompt, observed, history, tools, heard);
  }

  public Match match() {
    return match;
  }

  /// All that the policy reads: the ids held so far, and the new ones.
  public Tokens prompt() {
    return prompt;
  }
}
