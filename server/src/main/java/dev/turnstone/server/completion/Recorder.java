package dev.turnstone.server.completion;

import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.Rendering;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.ToolSpec;
import java.util.List;

/// Keeps what one request's completions come to, as a session does.
///
/// It is bound to the thread that answers the request, whatever wire that speaks: the wires know
/// nothing of sessions.
public interface Recorder {
  /// Not bound: the request is kept nowhere.
  ScopedValue<Recorder> CURRENT = ScopedValue.newInstance();

  /// The ids of a conversation, of which the beginning may be held.
  ///
  /// @throws IllegalArgumentException if the chat template refuses it
  Tokens prompt(List<Message> messages, List<ToolSpec> tools, Rendering rendering);

  /// What is asked of the policy instead.
  Ask ask(Ask asked);

  /// All choices have ended; their last bytes are not sent yet.
  void ended(List<Choice> choices);
}
