package dev.turnstone.upstream.wire;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.Logprobs;
import dev.turnstone.rollout.PromptLogprobs;
import dev.turnstone.rollout.TopLogprobs;
import dev.turnstone.upstream.wire.EngineWire.Scored;
import dev.turnstone.upstream.wire.EngineWire.Scoring;
import dev.turnstone.upstream.wire.LogprobEntries.Entry;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// vLLM's `prompt_logprobs`, which are of temperature 1 whatever is asked, and come only with a
/// token that is generated after the text.
final class VllmScoring {
  private VllmScoring() {}

  static void params(ObjectNode params, Scoring scoring) {
    params.put("max_tokens", 1).put("temperature", 1.0).put("prompt_logprobs", scoring.top());
  }

  /// @param list one object per id, by id, or null
  static Scored read(Scoring scoring, JsonNode list, JsonNode choice) throws EngineFault {
    int size = scoring.ids().size();
    if (list.size() != size)
      throw EngineFault.broken(
          "it was asked to score %d ids, but scores %d".formatted(size, list.size()));
    float[] logprobs = new float[size];
    List<TopLogprobs> tops = new ArrayList<>(Collections.nCopies(size, TopLogprobs.NONE));
    for (int i = Math.max(1, scoring.from()); i < size; i++) {
      int id = scoring.ids().get(i);
      JsonNode said = list.path(i);
      logprobs[i] = LogprobEntries.ofPrompt(said.path(Integer.toString(id)).path("logprob"), id);
      List<Entry> entries = new ArrayList<>();
      for (Map.Entry<String, JsonNode> entry : said.properties())
        entries.add(
            new Entry(
                LogprobEntries.number(entry.getKey()),
                entry.getValue().path("logprob").floatValue()));
      TopLogprobs top = LogprobEntries.top(entries, scoring.top(), id);
      int rank = said.path(Integer.toString(id)).path("rank").asInt(top.rank());
      tops.set(i, new TopLogprobs(top.ids(), top.logprobs(), rank));
    }
    List<Chunk.Weights> weights = VllmWire.weights(choice);
    return new Scored(
        new PromptLogprobs(Logprobs.roundedToZero(logprobs), tops),
        weights.isEmpty() ? Optional.empty() : Optional.of(weights.getLast().label()));
  }
}
