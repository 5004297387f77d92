package dev.turnstone.server;

import dev.turnstone.rollout.ChatFormat;
import dev.turnstone.rollout.ToolCall;
import dev.turnstone.rollout.ToolCallParser;
import dev.turnstone.rollout.TrainablePolicy;
import dev.turnstone.trainerbridge.PolicyIdentity;
import java.util.List;

/// The policy that a server serves, and how its conversations are read and written.
///
/// @param name as clients know it
/// @param identity what trainers must share with it
record Served(
    String name,
    TrainablePolicy policy,
    ChatFormat format,
    ToolCallParser parser,
    Texts texts,
    PolicyIdentity identity) {

  /// How ids look as text.
  interface Texts {
    /// The bytes that one id stands for.
    byte[] bytes(int id);

    /// A decoder for one generation.
    Decoder decoder();

    /// A reader of tool calls for one generation.
    ///
    /// @param turn as for [ToolCallParser#parse]
    CallReader calls(int turn);
  }

  /// Ids to text, one at a time; never gives half a character. Ids that end a turn have no text.
  interface Decoder {
    String push(int id);

    /// What was held back.
    String end();
  }

  /// Reads tool calls out of text that is still being written; however the text is cut, the pieces
  /// together are what [ToolCallParser] reads out of the whole.
  interface CallReader {
    List<Piece> push(String text);

    /// What was held back.
    List<Piece> end();
  }

  /// Part of an assistant's message.
  sealed interface Piece {
    record Content(String text) implements Piece {}

    record Call(ToolCall call) implements Piece {}
  }
}
