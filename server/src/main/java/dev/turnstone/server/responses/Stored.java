package dev.turnstone.server.responses;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.Tokens;
import java.util.List;
import java.util.Optional;

/// A response that a later request may ask for or go on from.
///
/// @param input items as they were sent
/// @param said the whole conversation up to its end, without instructions
/// @param held ids of that conversation as the policy read and wrote them
/// @param frame instructions and tools that it began with; ids are only held while they stay
/// @param running cancels it while it runs in the background
record Stored(
    ObjectNode response,
    JsonNode input,
    List<Message> said,
    Tokens held,
    String frame,
    Optional<Runnable> running) {
  Stored {
    said = List.copyOf(said);
  }

  /// How much memory it takes, roughly, in bytes.
  long weight() {
    return 4L * held.size() + 64L * said.size() + 2048;
  }
}
