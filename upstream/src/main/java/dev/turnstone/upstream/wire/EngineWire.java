package dev.turnstone.upstream.wire;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.rollout.Policy;
import java.util.Optional;

/// One way of asking an engine for tokens. All of them stream.
public interface EngineWire {
  /// Where requests go.
  String path();

  /// The body of a request, as JSON in UTF-8.
  byte[] body(Ask ask);

  /// Whether its replies say of which weights each token is.
  default boolean namesWeights() {
    return true;
  }

  /// A reader of one reply.
  Reader reader(Ask ask);

  /// Why this wire cannot serve a request as it is recorded; empty if it can.
  Optional<String> obstacle(Policy.Request request);

  /// Reads the events of one reply, in order.
  interface Reader {
    /// What one event brings.
    ///
    /// @throws EngineFault if the event is not what an engine of this kind may say
    Chunk read(JsonNode event) throws EngineFault;
  }
}
