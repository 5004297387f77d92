package dev.turnstone.upstream.wire;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.rollout.Policy;
import dev.turnstone.rollout.PromptLogprobs;
import dev.turnstone.rollout.Tokens;
import java.util.Optional;

/// One way of asking an engine for tokens. All of them stream.
public interface EngineWire {
  /// What engines write for minus infinity.
  float IMPOSSIBLE = -9999f;

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

  /// Whether what is said of sampled tokens is of another distribution than is recorded of them, so
  /// that they must be scored again.
  boolean scoredApart(Policy.Request request);

  /// The body of a request that scores a text at temperature 1 and is answered as a whole.
  byte[] body(Scoring scoring);

  /// What is said of the text.
  ///
  /// @throws EngineFault if it does not say how probable each id was
  Scored scored(Scoring scoring, JsonNode reply) throws EngineFault;

  /// Asks how probable the ids of a text are, each given those before it.
  ///
  /// @param id names the request; no two are alike
  /// @param model as the engine calls it
  /// @param salt names the weights
  /// @param from the first id that is asked about; earlier ones may be left out
  /// @param top how many of the most probable ids are told at each position
  record Scoring(String id, String model, String salt, Tokens ids, int from, int top) {}

  /// The answer.
  ///
  /// @param scores one per id of the text, at temperature 1; 0 before the first that was asked for
  /// @param weights what the engine calls the weights that scored, if it says so
  record Scored(PromptLogprobs scores, Optional<String> weights) {}

  /// Reads the events of one reply, in order.
  interface Reader {
    /// What one event brings.
    ///
    /// @throws EngineFault if the event is not what an engine of this kind may say
    Chunk read(JsonNode event) throws EngineFault;
  }
}
