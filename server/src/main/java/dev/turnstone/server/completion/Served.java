package dev.turnstone.server.completion;

import dev.turnstone.rollout.ChatFormat;
import dev.turnstone.rollout.Constraint;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.Rendering;
import dev.turnstone.rollout.Sampling;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.ToolCall;
import dev.turnstone.rollout.ToolCallParser;
import dev.turnstone.rollout.ToolCallParser.Turn;
import dev.turnstone.rollout.ToolSpec;
import dev.turnstone.rollout.TrainablePolicy;
import dev.turnstone.server.http.Refused;
import dev.turnstone.trainerbridge.spec.PolicyIdentity;
import java.util.List;
import java.util.Optional;

/// The policy that a server serves, and how its conversations are read and written.
///
/// @param name as clients know it
/// @param identity what trainers must share with it
/// @param defaults how an agent's request is sampled where it does not say
public record Served(
    String name,
    TrainablePolicy policy,
    ChatFormat format,
    ToolCallParser parser,
    Texts texts,
    PolicyIdentity identity,
    Sampling defaults) {

  /// A policy that samples from its whole distribution where a request does not say.
  public Served(
      String name,
      TrainablePolicy policy,
      ChatFormat format,
      ToolCallParser parser,
      Texts texts,
      PolicyIdentity identity) {
    this(name, policy, format, parser, texts, identity, Sampling.FULL);
  }

  public Served withDefaults(Sampling value) {
    return new Served(name, policy, format, parser, texts, identity, value);
  }

  /// The ids of a conversation.
  ///
  /// @throws Refused if the chat template does not take it
  public Tokens prompt(List<Message> messages, List<ToolSpec> tools, Rendering rendering) {
    try {
      return Recorder.CURRENT.isBound()
          ? Recorder.CURRENT.get().prompt(messages, tools, rendering)
          : format.prompt(messages, tools, rendering);
    } catch (IllegalArgumentException e) {
      throw Refused.bad("the chat template refuses the messages: " + e.getMessage(), "messages");
    }
  }

  /// What is asked, if at least one call of `tools` must follow. A forced call is a constraint in
  /// the policy's own format, so nothing else may constrain it.
  ///
  /// @param tools empty: no call is forced
  /// @param several whether more than one call may follow
  /// @throws Refused if it cannot be forced
  public Ask forced(Ask ask, Optional<List<ToolSpec>> tools, boolean several) {
    if (tools.isEmpty()) return ask;
    if (ask.options().constraint().isPresent())
      throw Refused.bad("tool_choice and response_format exclude each other", "tool_choice");
    try {
      Optional<Constraint> calls = parser.forced(tools.get(), several);
      if (calls.isPresent()) return ask.withConstraint(calls);
    } catch (IllegalArgumentException e) {
      throw Refused.bad(String.valueOf(e.getMessage()), "tool_choice");
    }
    throw Refused.bad(
        "tool_choice cannot force a call in this policy's tool format", "tool_choice");
  }

  /// How many ids the context leaves after a prompt.
  ///
  /// @param param the field that holds the prompt
  /// @throws Refused if none
  public int room(Tokens prompt, String param) {
    int room = policy.contextLength() - prompt.size();
    if (room < 1) throw Refused.tooLong(prompt.size(), policy.contextLength(), param);
    return room;
  }

  /// Whether a client means this policy by `model`.
  public void checkModel(String model) {
    if (!model.equals(name) && !model.equals("default"))
      throw Refused.notFound(
          "the model %s does not exist: this server serves %s".formatted(model, name),
          "model",
          "model_not_found");
  }

  /// How ids look as text.
  public interface Texts {
    /// The bytes that one id stands for.
    byte[] bytes(int id);

    /// Whether an id is a special token, such as one that ends a turn.
    boolean special(int id);

    /// The ids of a text.
    ///
    /// @param addSpecial whether what the tokenizer puts around a text, such as BOS, is added
    Tokens encode(String text, boolean addSpecial);

    /// A decoder for one generation.
    ///
    /// @param skipSpecial whether special tokens have no text
    Decoder decoder(boolean skipSpecial);

    /// A reader of one generation as an assistant's message.
    ///
    /// @param turn all of it but its text; without tools, calls are not read
    MessageReader message(Turn turn);

    /// Whether the policy writes its reasoning between tags.
    boolean thinks();
  }

  /// Ids to text, one at a time; never gives half a character. Ids that end a turn have no text.
  public interface Decoder {
    String push(int id);

    /// What was held back.
    String end();
  }

  /// Reads a message out of text that is still being written; however the text is cut, the pieces
  /// together are what [ToolCallParser] reads out of the whole.
  public interface MessageReader {
    List<Piece> push(String text);

    /// What was held back.
    List<Piece> end();

    /// Whether its reasoning may go on, as far as the text goes; never if the policy does not
    /// reason.
    boolean inReasoning();
  }

  /// Part of an assistant's message.
  public sealed interface Piece {
    record Reasoning(String text) implements Piece {}

    record Content(String text) implements Piece {}

    /// More of a call that is still being written. If it turns out to be unreadable it is void, and
    /// its text is among the content.
    ///
    /// @param number among the calls of the message
    /// @param first whether nothing of it came before
    /// @param arguments more of their text
    record CallPart(int number, boolean first, String id, String name, String arguments)
        implements Piece {}

    /// A whole call, after all its parts.
    record Call(ToolCall call) implements Piece {}

    /// Comes last: what was meant as a call is among the content, because it is not readable.
    record Unreadable(String why) implements Piece {}
  }
}
