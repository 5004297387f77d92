package dev.turnstone.upstream.wire;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.Generation.FinishReason;
import dev.turnstone.rollout.Logprobs;
import dev.turnstone.rollout.Policy;
import dev.turnstone.rollout.Sampling;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.TopLogprobs;
import dev.turnstone.upstream.wire.LogprobEntries.Entry;
import java.util.ArrayList;
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
    body.put("stream", true).put("return_logprob", true).put("logprob_start_len", -1);
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
    if (!sampling.logitBias().isEmpty()) {
      ObjectNode bias = params.putObject("logit_bias");
      sampling.logitBias().forEach((id, value) -> bias.put(Integer.toString(id), value));
    }
    if (ask.minTokens() > 0) params.put("min_new_tokens", ask.minTokens());
    if (sampling.seed().isPresent()) params.put("sampling_seed", ask.seed() & 0x7fffffffL);
    params.put("ignore_eos", true).put("no_stop_trim", true).put("skip_special_tokens", false);
    SamplingFields.stops(params, ask);
    ask.turn().constraint().ifPresent(constraint -> Constrained.sglang(params, constraint));
    return EngineHttp.bytes(body);
  }

  @Override
  public Reader reader(Ask ask) {
    return new Events(ask.turn().topLogprobs());
  }

  @Override
  public Optional<String> obstacle(Policy.Request request) {
    if (!request.sampling().allowedIds().isEmpty())
      return Optional.of("SGLang engines take no allowed_token_ids");
    return SamplingFields.obstacle(request, false);
  }

  /// One reply.
  private static final class Events implements Reader {
    private final int top;
    private int read;

    Events(int top) {
      this.top = top;
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
      JsonNode most = meta.path("output_top_logprobs");
      for (int i = 0; i < fresh; i++) {
        sampled[i] = ids.path(ids.size() - fresh + i).asInt(-1);
        JsonNode pair = pairs.path(pairs.size() - fresh + i);
        if (pair.path(1).asInt(-2) != sampled[i])
          throw EngineFault.broken(
              "it returns id %d with the log-probability of id %s"
                  .formatted(sampled[i], pair.path(1)));
        logprobs[i] = LogprobEntries.finite(pair.path(0), sampled[i]);
        if (top > 0) tops.add(tops(most.path(most.size() - fresh + i), sampled[i]));
      }
      JsonNode cached = meta.path("cached_tokens");
      return new Chunk(
          Tokens.of(sampled),
          Logprobs.of(logprobs),
          tops,
          finish,
          cached.isInt() ? OptionalInt.of(cached.intValue()) : OptionalInt.empty(),
          weights(meta.path("weight_version"), fresh));
    }

    private List<Chunk.Weights> weights(JsonNode label, int fresh) {
      if (fresh == 0 || !label.isTextual()) return List.of();
      return List.of(new Chunk.Weights(label.textValue(), read, read + fresh));
    }

    private TopLogprobs tops(JsonNode list, int sampled) {
      List<Entry> entries = new ArrayList<>();
      for (JsonNode pair : list)
        entries.add(new Entry(pair.path(1).asInt(-1), pair.path(0).floatValue()));
      return LogprobEntries.top(entries, top, sampled);
    }

    private static Optional<FinishReason> finish(JsonNode reason) throws EngineFault {
      if (reason.isMissingNode() || reason.isNull()) return Optional.empty();
      JsonNode type = reason.isObject() ? reason.path("type") : reason;
      return VllmWire.finish(type);
    }
  }
}
