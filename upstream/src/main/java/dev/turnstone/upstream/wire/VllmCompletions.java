package dev.turnstone.upstream.wire;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.Generation.FinishReason;
import dev.turnstone.rollout.Logprobs;
import dev.turnstone.rollout.Policy;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.TopLogprobs;
import dev.turnstone.upstream.wire.LogprobEntries.Entry;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// `/v1/completions` with `return_token_ids`, for engines without [VllmWire].
public final class VllmCompletions implements EngineWire {
  private final BadWords words;

  public VllmCompletions(BadWords words) {
    this.words = words;
  }

  @Override
  public String path() {
    return "/v1/completions";
  }

  @Override
  public byte[] body(Ask ask) {
    ObjectNode body = EngineHttp.JSON.createObjectNode().put("request_id", ask.id());
    body.put("model", ask.model()).put("stream", true).put("cache_salt", ask.salt());
    body.putObject("stream_options").put("include_usage", true);
    SamplingFields.ids(body.putArray("prompt"), ask.prompt());
    SamplingFields.vllm(body, ask, words);
    VllmWire.logprobs(body, ask);
    body.put("return_token_ids", true).put("return_tokens_as_token_ids", true);
    return EngineHttp.bytes(body);
  }

  @Override
  public boolean namesWeights() {
    return false;
  }

  @Override
  public Reader reader(Ask ask) {
    return event -> read(event, ask.turn());
  }

  @Override
  public Optional<String> obstacle(Policy.Request request) {
    return VllmWire.obstacle(request, words);
  }

  @Override
  public boolean scoredApart(Policy.Request request) {
    return SamplingFields.scoredApart(request, true);
  }

  @Override
  public byte[] body(Scoring scoring) {
    ObjectNode rest = EngineHttp.JSON.createObjectNode().put("request_id", scoring.id());
    rest.put("model", scoring.model()).put("cache_salt", scoring.salt());
    VllmScoring.params(rest, scoring);
    return EngineHttp.withIds("prompt", scoring.ids(), rest);
  }

  @Override
  public Scored scored(Scoring scoring, JsonNode reply) throws EngineFault {
    JsonNode choice = reply.path("choices").path(0);
    return VllmScoring.read(scoring, choice.path("prompt_logprobs"), choice);
  }

  private static Chunk read(JsonNode event, Policy.Request turn) throws EngineFault {
    JsonNode choice = event.path("choices").path(0);
    if (choice.isMissingNode()) return Chunk.empty(VllmWire.cached(event));
    JsonNode ids = choice.path("token_ids");
    Optional<FinishReason> finish = VllmWire.finish(choice.path("finish_reason"));
    if (!ids.isArray() && (finish.isEmpty() || !choice.path("text").asText("").isEmpty()))
      throw EngineFault.broken("it returns text without token_ids");
    JsonNode given = choice.path("logprobs").path("token_logprobs");
    if (given.size() != ids.size())
      throw EngineFault.broken(
          "it returns %d ids and %d log-probabilities".formatted(ids.size(), given.size()));
    int[] sampled = new int[ids.size()];
    float[] logprobs = new float[ids.size()];
    List<TopLogprobs> tops = new ArrayList<>();
    for (int i = 0; i < sampled.length; i++) {
      sampled[i] = ids.path(i).asInt(-1);
      logprobs[i] = LogprobEntries.finite(given.path(i), sampled[i]);
      if (LogprobEntries.wanted(turn))
        tops.add(
            tops(
                choice.path("logprobs").path("top_logprobs").path(i),
                turn,
                new Entry(sampled[i], logprobs[i])));
    }
    return new Chunk(
        Tokens.of(sampled), Logprobs.of(logprobs), tops, finish, VllmWire.cached(event), List.of());
  }

  private static TopLogprobs tops(JsonNode map, Policy.Request turn, Entry sampled)
      throws EngineFault {
    List<Entry> entries = new ArrayList<>();
    for (Map.Entry<String, JsonNode> entry : map.properties())
      entries.add(new Entry(LogprobEntries.id(entry.getKey()), entry.getValue().floatValue()));
    return LogprobEntries.beside(turn, entries, sampled);
  }
}
