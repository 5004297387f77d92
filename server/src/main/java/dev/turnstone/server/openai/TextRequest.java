package dev.turnstone.server.openai;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.server.completion.Served;
import dev.turnstone.server.http.Refused;
import java.util.OptionalInt;

/// A completion of plain prompts as it was asked for.
///
/// @param maxTokens 16 if the request has no bound; 0 only scores, or repeats, the prompt
/// @param logprobs present if sampled tokens are scored, with as many of the most probable ones
/// @param echo whether the text begins with the prompt
record TextRequest(GenerationFields fields, int maxTokens, OptionalInt logprobs, boolean echo) {
  private static final int USUAL_TOKENS = 16;

  /// Reads a body that fits the contract's `CompletionRequest`.
  static TextRequest read(JsonNode body, Served served) {
    GenerationFields fields = GenerationFields.read(body, served);
    boolean echo = body.path("echo").asBoolean(false);
    int maxTokens = body.path("max_tokens").asInt(USUAL_TOKENS);
    JsonNode logprobs = body.path("logprobs");
    if (maxTokens == 0 && !echo) throw Refused.bad("max_tokens 0 needs echo: true", "max_tokens");
    if (fields.stream() && echo && logprobs.isInt())
      throw Refused.bad("echo with logprobs cannot be streamed", "echo");
    if (!fields.named().isEmpty() && !logprobs.isInt())
      throw Refused.bad("logprob_token_ids needs logprobs", "logprob_token_ids");
    return new TextRequest(
        fields,
        maxTokens,
        logprobs.isInt() ? OptionalInt.of(logprobs.intValue()) : OptionalInt.empty(),
        echo);
  }

  /// Whether the prompt's ids must be scored for `logprobs` of an echo.
  boolean scoresPrompt() {
    return echo && logprobs.isPresent();
  }
}
