package dev.turnstone.engine;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.turnstone.rollout.Penalties;
import dev.turnstone.rollout.Sampling;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;

/// How a model's makers want it sampled where a request does not say: `generation_config.json`.
///
/// As vLLM's: temperature, top-k, top-p, min-p and repetition penalty; `do_sample` is not asked.
/// Not `max_new_tokens`, which would cut answers that nobody bounded. For agents' routes alone: a
/// run and an engine's wire sample as they say.
public final class GenerationDefaults {
  private GenerationDefaults() {}

  /// The folder's defaults; [Sampling#FULL] where it has none.
  ///
  /// @throws ModelException if one of them cannot be
  public static Sampling read(Path folder) throws ModelException {
    Path file = folder.resolve("generation_config.json");
    if (!Files.exists(file)) return Sampling.FULL;
    try {
      JsonNode json = new ObjectMapper().readTree(file.toFile());
      var fields = new ConfigFields(file, json);
      var sampling =
          new Sampling(
              fields.number("temperature", 1),
              Math.max(0, (int) fields.number("top_k", 0)),
              fields.number("top_p", 1),
              fields.number("min_p", 0),
              OptionalLong.empty());
      return sampling.withPenalties(new Penalties(0, 0, fields.number("repetition_penalty", 1)));
    } catch (IOException e) {
      throw new ModelException(file + " is not readable JSON: " + e.getMessage(), e);
    } catch (IllegalArgumentException e) {
      throw new ModelException(file + ": " + e.getMessage(), e);
    }
  }
}
