package dev.turnstone.server.openai;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.PromptLogprobs;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.TopLogprobs;
import dev.turnstone.server.completion.Choice.Token;
import dev.turnstone.server.completion.Served;
import dev.turnstone.server.http.Wire;

/// `logprobs` of a text completion: parallel lists of tokens, log-probabilities, the most probable
/// tokens, and where in the text (in code points) each token begins.
final class TextLogprobs {
  private final TokenJson names;
  private final Served.Decoder decoder;
  private final int top;
  private final ObjectNode json = Wire.JSON.createObjectNode();
  private final ArrayNode tokens = json.putArray("tokens");
  private final ArrayNode logprobs = json.putArray("token_logprobs");
  private final ArrayNode tops = json.putArray("top_logprobs");
  private final ArrayNode offsets = json.putArray("text_offset");
  private int offset;

  /// Empty lists.
  ///
  /// @param offset where the first token begins
  /// @param top how many of the most probable tokens each position has besides its own
  TextLogprobs(TokenJson names, boolean skipSpecial, int offset, int top) {
    this.names = names;
    this.decoder = names.served().texts().decoder(skipSpecial);
    this.offset = offset;
    this.top = top;
  }

  ObjectNode json() {
    return json;
  }

  /// Adds an echoed prompt; nothing comes before its first id.
  void prompt(Tokens ids, PromptLogprobs scores) {
    for (int i = 0; i < ids.size(); i++) {
      place(ids.get(i));
      if (i == 0) {
        logprobs.addNull();
        tops.addNull();
      } else {
        score(ids.get(i), scores.logprobs().get(i), scores.tops().get(i));
      }
    }
  }

  /// Adds a sampled token.
  void sampled(Token token) {
    place(token.id());
    score(token.id(), token.logprob(), token.top());
  }

  private void place(int id) {
    tokens.add(names.key(id));
    offsets.add(offset);
    String text = decoder.push(id);
    offset += text.codePointCount(0, text.length());
  }

  private void score(int id, float logprob, TopLogprobs most) {
    logprobs.add(TokenJson.finite(logprob));
    ObjectNode map = tops.addObject();
    for (int i = 0; i < Math.min(top, most.ids().size()); i++)
      map.put(names.key(most.ids().get(i)), TokenJson.finite(most.logprobs().get(i)));
    map.put(names.key(id), TokenJson.finite(logprob));
  }
}
