package dev.turnstone.upstream.wire;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.Generation.FinishReason;
import dev.turnstone.rollout.Logprobs;
import dev.turnstone.rollout.Policy;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.TopLogprobs;
import dev.turnstone.upstream.wire.LogprobEntries.Entry;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/// vLLM's `/inference/v1/generate`: ids in, ids and log-probabilities out.
public final class VllmWire implements EngineWire {
  /// Named ids of a request; the sampled id takes one of the 128 places that vLLM has.
  static final int MOST_NAMED = 127;

  /// What vLLM's `--max-logprobs` allows unless told otherwise.
  private static final int MOST = 20;

  private final BadWords words;

  public VllmWire(BadWords words) {
    this.words = words;
  }

  @Override
  public String path() {
    return "/inference/v1/generate";
  }

  @Override
  public byte[] body(Ask ask) {
    ObjectNode rest = EngineHttp.JSON.createObjectNode().put("request_id", ask.id());
    rest.put("model", ask.model()).put("stream", true).put("cache_salt", ask.salt());
    rest.putObject("stream_options").put("include_usage", true);
    ObjectNode params = rest.putObject("sampling_params");
    SamplingFields.vllm(params, ask, words);
    logprobs(params, ask);
    params.put("detokenize", false);
    // A reasoning parser of the engine must not put the mask off.
    if (ask.turn().constraint().isPresent()) rest.put("reasoning_ended", true);
    return EngineHttp.withIds("token_ids", ask.prompt(), rest);
  }

  @Override
  public Reader reader(Ask ask) {
    return event -> read(event, ask.turn());
  }

  @Override
  public Optional<String> obstacle(Policy.Request request) {
    return obstacle(request, words);
  }

  /// The same for both of vLLM's wires.
  static Optional<String> obstacle(Policy.Request request, BadWords words) {
    if (request.logprobIds().size() > MOST_NAMED)
      return Optional.of(
          "vLLM engines tell of at most %d logprob_token_ids, but this names %d"
              .formatted(MOST_NAMED, request.logprobIds().size()));
    if (!request.sampling().badWords().isEmpty()
        && words.texts(request.sampling().badWords()).isEmpty())
      return Optional.of(
          "vLLM engines take bad_words as texts, and make other ids of them than "
              + request.sampling().badWords());
    return SamplingFields.obstacle(request, true);
  }

  @Override
  public boolean scoredApart(Policy.Request request) {
    return SamplingFields.scoredApart(request, true);
  }

  @Override
  public byte[] body(Scoring scoring) {
    ObjectNode rest = EngineHttp.JSON.createObjectNode().put("request_id", scoring.id());
    rest.put("model", scoring.model()).put("cache_salt", scoring.salt());
    ObjectNode params = rest.putObject("sampling_params");
    VllmScoring.params(params, scoring);
    params.put("detokenize", false);
    return EngineHttp.withIds("token_ids", scoring.ids(), rest);
  }

  @Override
  public Scored scored(Scoring scoring, JsonNode reply) throws EngineFault {
    return VllmScoring.read(scoring, reply.path("prompt_logprobs"), reply.path("choices").path(0));
  }

  private static Chunk read(JsonNode event, Policy.Request turn) throws EngineFault {
    OptionalInt cached = cached(event);
    JsonNode choice = event.path("choices").path(0);
    if (choice.isMissingNode()) return Chunk.empty(cached);
    JsonNode ids = choice.path("token_ids");
    Optional<FinishReason> finish = finish(choice.path("finish_reason"));
    if (!ids.isArray() && (finish.isEmpty() || choice.hasNonNull("text")))
      throw EngineFault.broken("it returns text without token_ids");
    JsonNode content = choice.path("logprobs").path("content");
    if (content.size() != ids.size())
      throw EngineFault.broken(
          "it returns %d ids and %d log-probabilities".formatted(ids.size(), content.size()));
    int[] sampled = new int[ids.size()];
    float[] logprobs = new float[ids.size()];
    List<TopLogprobs> tops = new ArrayList<>();
    for (int i = 0; i < sampled.length; i++) {
      sampled[i] = ids.path(i).asInt(-1);
      logprobs[i] = LogprobEntries.finite(content.path(i).path("logprob"), sampled[i]);
      if (LogprobEntries.wanted(turn))
        tops.add(
            tops(content.path(i).path("top_logprobs"), turn, new Entry(sampled[i], logprobs[i])));
    }
    return new Chunk(
        Tokens.of(sampled), Logprobs.of(logprobs), tops, finish, cached, weights(choice));
  }

  private static TopLogprobs tops(JsonNode list, Policy.Request turn, Entry sampled)
      throws EngineFault {
    List<Entry> entries = new ArrayList<>();
    for (JsonNode entry : list)
      entries.add(new Entry(LogprobEntries.id(entry), entry.path("logprob").floatValue()));
    return LogprobEntries.beside(turn, entries, sampled);
  }

  /// How many, and of which ids. The sampled id comes first and takes a place, so one of the named
  /// ids is named twice.
  static void logprobs(ObjectNode params, Ask ask) {
    Tokens named = ask.turn().logprobIds();
    params.put("logprobs", named.isEmpty() ? most(ask) : named.size() + 1);
    if (named.isEmpty()) return;
    ArrayNode ids = params.putArray("logprob_token_ids");
    SamplingFields.ids(ids, named);
    ids.add(named.get(0));
  }

  /// One more than asked for: the sampled id takes a place of its own.
  private static int most(Ask ask) {
    int top = ask.turn().topLogprobs();
    return top == 0 ? 0 : Math.min(top + 1, Math.max(top, MOST));
  }

  /// In the last event: of all tokens.
  static List<Chunk.Weights> weights(JsonNode choice) {
    List<Chunk.Weights> all = new ArrayList<>();
    for (JsonNode span : choice.path("weight_versions"))
      all.add(
          new Chunk.Weights(
              span.path("version").asText(), span.path("start").asInt(), span.path("end").asInt()));
    return all;
  }

  static OptionalInt cached(JsonNode event) {
    JsonNode cached = event.path("usage").path("prompt_tokens_details").path("cached_tokens");
    return cached.isInt() ? OptionalInt.of(cached.intValue()) : OptionalInt.empty();
  }

  static Optional<FinishReason> finish(JsonNode reason) throws EngineFault {
    if (reason.isMissingNode() || reason.isNull()) return Optional.empty();
    return Optional.of(
        switch (reason.asText()) {
          case "stop" -> FinishReason.STOP;
          case "length" -> FinishReason.LENGTH;
          case "abort" -> FinishReason.ABORT;
          default -> throw EngineFault.broken("it finishes for the reason " + reason);
        });
  }
}
