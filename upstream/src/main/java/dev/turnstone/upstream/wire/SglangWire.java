package dev.turnstone.upstream.wire;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.Generation.FinishReason;
import dev.turnstone.rollout.Logprobs;
import dev.turnstone.rollout.Policy;
import dev.turnstone.rollout.PromptLogprobs;
import dev.turnstone.rollout.Sampling;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.TopLogprobs;
import dev.turnstone.upstream.wire.LogprobEntries.Entry;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/// SGLang's `/generate`. Its events have everything so far, or only what is new if the engine was
/// started so; both are read.
public final class SglangWire implements EngineWire {
  @Override
  public String path() {
    return "/generate";
  }

  @Override
  public byte[] body(Ask ask) {
    ObjectNode body = EngineHttp.JSON.createObjectNode().put("rid", ask.id());
    SamplingFields.ids(body.putArray("input_ids"), ask.prompt());
    body.put("stream", true).put("return_logprob", true);
    // Named ids would be told of the whole prompt as well.
    Tokens named = ask.turn().logprobIds();
    body.put("logprob_start_len", named.isEmpty() ? -1 : ask.prompt().size());
    if (!named.isEmpty()) SamplingFields.ids(body.putArray("token_ids_logprob"), named);
    body.put("top_logprobs_num", ask.turn().topLogprobs()).put("extra_key", ask.salt());
    body.put("incremental_streaming_output", true);
    ObjectNode params = body.putObject("sampling_params");
    Sampling sampling = ask.turn().sampling();
    params.put("max_new_tokens", ask.maxTokens()).put("temperature", sampling.temperature());
    params.put("top_p", sampling.topP()).put("min_p", sampling.minP());
    params.put("top_k", sampling.topK() == 0 ? -1 : sampling.topK());
    params.put("frequency_penalty", sampling.penalties().frequency());
    params.put("presence_penalty", sampling.penalties().presence());
    params.put("repetition_penalty", sampling.penalties().repetition());
    bias(params, sampling);
    if (ask.minTokens() > 0) params.put("min_new_tokens", ask.minTokens());
    if (sampling.seed().isPresent()) params.put("sampling_seed", ask.seed() & 0x7fffffffL);
    params.put("ignore_eos", true).put("no_stop_trim", true).put("skip_special_tokens", false);
    SamplingFields.stops(params, ask);
    ask.turn().constraint().ifPresent(constraint -> Constrained.sglang(params, constraint));
    return EngineHttp.bytes(body);
  }

  @Override
  public Reader reader(Ask ask) {
    return new Events(ask.turn());
  }

  private static void bias(ObjectNode params, Sampling sampling) {
    if (sampling.logitBias().isEmpty() && sampling.badWords().isEmpty()) return;
    ObjectNode bias = params.putObject("logit_bias");
    sampling.logitBias().forEach((id, value) -> bias.put(Integer.toString(id), value));
    for (Tokens word : sampling.badWords()) bias.put(Integer.toString(word.last()), BadWords.NEVER);
  }

  @Override
  public Optional<String> obstacle(Policy.Request request) {
    if (!request.sampling().allowedIds().isEmpty())
      return Optional.of("SGLang engines take no allowed_token_ids");
    Optional<Tokens> several = BadWords.several(request.sampling().badWords());
    if (several.isPresent())
      return Optional.of(
          "SGLang engines forbid single ids only, but bad_words has one of %s"
              .formatted(several.get()));
    return SamplingFields.obstacle(request, false);
  }

  @Override
  public boolean scoredApart(Policy.Request request) {
    return SamplingFields.scoredApart(request, false);
  }

  @Override
  public byte[] body(Scoring scoring) {
    ObjectNode rest = EngineHttp.JSON.createObjectNode().put("rid", scoring.id());
    rest.put("extra_key", scoring.salt()).put("return_logprob", true);
    // The first of what is told has nothing before it.
    rest.put("logprob_start_len", Math.max(0, scoring.from() - 1));
    rest.put("top_logprobs_num", scoring.top());
    rest.putObject("sampling_params").put("max_new_tokens", 1).put("temperature", 1.0);
    return EngineHttp.withIds("input_ids", scoring.ids(), rest);
  }

  @Override
  public Scored scored(Scoring scoring, JsonNode reply) throws EngineFault {
    JsonNode meta = reply.path("meta_info");
    JsonNode pairs = meta.path("input_token_logprobs");
    JsonNode most = meta.path("input_top_logprobs");
    int size = scoring.ids().size();
    if (pairs.size() < size - scoring.from() || pairs.size() > size)
      throw EngineFault.broken(
          "it was asked to score %d ids, but scores %d"
              .formatted(size - scoring.from(), pairs.size()));
    float[] logprobs = new float[size];
    List<TopLogprobs> tops = new ArrayList<>(Collections.nCopies(size, TopLogprobs.NONE));
    for (int i = Math.max(1, scoring.from()); i < size; i++) {
      int id = scoring.ids().get(i);
      logprobs[i] = LogprobEntries.ofPrompt(pairs.path(pairs.size() - size + i).path(0), id);
      if (scoring.top() > 0)
        tops.set(
            i,
            LogprobEntries.top(
                Events.entries(most.path(most.size() - size + i)), scoring.top(), id));
    }
    return new Scored(
        new PromptLogprobs(Logprobs.roundedToZero(logprobs), tops),
        Optional.ofNullable(meta.path("weight_version").textValue()));
  }

  /// One reply.
  private static final class Events implements Reader {
    private final Policy.Request turn;
    private int read;

    Events(Policy.Request turn) {
      this.turn = turn;
    }

    @Override
    public Chunk read(JsonNode event) throws EngineFault {
      JsonNode meta = event.path("meta_info");
      JsonNode ids = event.path("output_ids");
      Optional<FinishReason> finish = finish(meta.path("finish_reason"));
      if (!ids.isArray() && (finish.isEmpty() || !event.path("text").asText("").isEmpty()))
        throw EngineFault.broken("it returns text without output_ids");
      int total = meta.path("completion_tokens").asInt(read + ids.size());
      int fresh = total - read;
      JsonNode pairs = meta.path("output_token_logprobs");
      if (fresh < 0 || ids.size() < fresh || pairs.size() < fresh)
        throw EngineFault.broken(
            "it says %d new tokens, but returns %d ids and %d log-probabilities"
                .formatted(fresh, ids.size(), pairs.size()));
      Chunk chunk = fresh(fresh, ids, pairs, meta, finish);
      read = total;
      return chunk;
    }

    /// The last `fresh` of everything, whether there is more or not.
    private Chunk fresh(
        int fresh, JsonNode ids, JsonNode pairs, JsonNode meta, Optional<FinishReason> finish)
        throws EngineFault {
      int[] sampled = new int[fresh];
      float[] logprobs = new float[fresh];
      List<TopLogprobs> tops = new ArrayList<>();
      JsonNode beside =
          meta.path(
              turn.logprobIds().isEmpty() ? "output_top_logprobs" : "output_token_ids_logprobs");
      for (int i = 0; i < fresh; i++) {
        sampled[i] = ids.path(ids.size() - fresh + i).asInt(-1);
        JsonNode pair = pairs.path(pairs.size() - fresh + i);
        if (pair.path(1).asInt(-2) != sampled[i])
          throw EngineFault.broken(
              "it returns id %d with the log-probability of id %s"
                  .formatted(sampled[i], pair.path(1)));
        logprobs[i] = LogprobEntries.finite(pair.path(0), sampled[i]);
        if (LogprobEntries.wanted(turn))
          tops.add(
              LogprobEntries.beside(
                  turn,
                  entries(beside.path(beside.size() - fresh + i)),
                  new Entry(sampled[i], logprobs[i])));
      }
      JsonNode cached = meta.path("cached_tokens");
      return new Chunk(
          Tokens.of(sampled),
          Logprobs.of(logprobs),
          tops,
          finish,
          cached.isInt() ? OptionalInt.of(cached.intValue()) : OptionalInt.empty(),
          weights(meta, fresh));
    }

    /// Of all tokens, or where that is not said, of those that are new.
    private List<Chunk.Weights> weights(JsonNode meta, int fresh) {
      if (!meta.path("weight_versions").isEmpty()) return VllmWire.weights(meta);
      JsonNode label = meta.path("weight_version");
      if (fresh == 0 || !label.isTextual()) return List.of();
      return List.of(new Chunk.Weights(label.textValue(), read, read + fresh));
    }

    private static List<Entry> entries(JsonNode list) {
      List<Entry> entries = new ArrayList<>();
      for (JsonNode pair : list)
        entries.add(new Entry(pair.path(1).asInt(-1), pair.path(0).floatValue()));
      return entries;
    }

    private static Optional<FinishReason> finish(JsonNode reason) throws EngineFault {
      if (reason.isMissingNode() || reason.isNull()) return Optional.empty();
      JsonNode type = reason.isObject() ? reason.path("type") : reason;
      return VllmWire.finish(type);
    }
  }
}
