package dev.turnstone.bench.stub;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.rollout.Tokens;
import io.vertx.core.http.HttpServerResponse;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/// One request that a stub engine generates for. Confined to its event loop.
final class StubTurn {
  /// What it was asked for.
  ///
  /// @param sglang which wire's events it gets
  record Wanted(
      boolean sglang,
      String id,
      Tokens prompt,
      int maxTokens,
      double temperature,
      long seed,
      int stop,
      int top,
      long salt) {}

  /// Tokens from `from` on are of the weights that are called so.
  private record Span(String label, int from) {}

  final Wanted wanted;
  final HttpServerResponse response;
  private final StubModel model;
  private final StubOptions options;
  private final SplittableRandom random;
  private final List<StubModel.Sample> sampled = new ArrayList<>();
  private final List<Span> spans = new ArrayList<>();
  private final StringBuilder text = new StringBuilder();
  private int previous;
  private long began;
  int cached;
  boolean gone;

  StubTurn(Wanted wanted, HttpServerResponse response, StubModel model, StubOptions options) {
    this.wanted = wanted;
    this.response = response;
    this.model = model;
    this.options = options;
    random = new SplittableRandom(wanted.seed());
    previous = wanted.prompt().last();
  }

  int length() {
    return wanted.prompt().size() + sampled.size();
  }

  /// Everything that is computed for it by now.
  Tokens held() {
    return wanted
        .prompt()
        .plus(Tokens.of(sampled.stream().mapToInt(StubModel.Sample::id).toArray()));
  }

  /// Begins to generate.
  void begin(long now) {
    began = now;
  }

  /// Tokens that it should have by now, at one every so many microseconds.
  int due(long now, int tokenMicros) {
    return tokenMicros == 0 ? Integer.MAX_VALUE : (int) ((now - began) / 1000 / tokenMicros);
  }

  int generated() {
    return sampled.size();
  }

  private int bound() {
    return Math.min(wanted.maxTokens(), options.tokens());
  }

  boolean done() {
    return sampled.size() >= bound();
  }

  /// The event of one more token.
  ///
  /// @param label what the engine calls the weights of that version
  String step(int version, String label) {
    if (spans.isEmpty() || !spans.getLast().label().equals(label))
      spans.add(new Span(label, sampled.size()));
    boolean last = sampled.size() == options.tokens() - 1 && wanted.stop() >= 0;
    StubModel.Sample sample =
        model.sample(previous, length(), version, wanted.temperature(), random.nextDouble());
    if (last) sample = new StubModel.Sample(wanted.stop(), -0.1f, sample.ids(), sample.logprobs());
    sampled.add(sample);
    previous = sample.id();
    String finish = done() ? (last ? "stop" : "length") : "";
    return wanted.sglang() ? sglang(sample, finish) : vllm(sample, finish);
  }

  private String vllm(StubModel.Sample sample, String finish) {
    text.setLength(0);
    text.append("data: {\"request_id\":\"")
        .append(wanted.id())
        .append("\",\"choices\":[{\"index\":0,");
    text.append("\"token_ids\":[").append(sample.id()).append("],\"finish_reason\":");
    if (finish.isEmpty()) text.append("null");
    else text.append('"').append(finish).append("\",\"weight_versions\":").append(spans());
    text.append(",\"logprobs\":{\"content\":[{\"token_id\":").append(sample.id());
    text.append(",\"logprob\":").append(sample.logprob()).append(",\"top_logprobs\":[");
    for (int i = 0; i < Math.min(wanted.top(), StubModel.CANDIDATES); i++) {
      if (i > 0) text.append(',');
      text.append("{\"token_id\":").append(sample.ids().get(i));
      text.append(",\"logprob\":").append(sample.logprobs().get(i)).append('}');
    }
    text.append("]}]}}]}\n\n");
    return text.toString();
  }

  private String spans() {
    StringBuilder all = new StringBuilder("[");
    for (int i = 0; i < spans.size(); i++) {
      int end = i + 1 < spans.size() ? spans.get(i + 1).from() : sampled.size();
      if (i > 0) all.append(',');
      all.append("{\"version\":\"").append(spans.get(i).label()).append("\",\"start\":");
      all.append(spans.get(i).from()).append(",\"end\":").append(end).append('}');
    }
    return all.append(']').toString();
  }

  /// The event of an abort.
  String aborted() {
    return wanted.sglang()
        ? ("data:"
                + " {\"text\":\"\",\"output_ids\":[],\"meta_info\":{\"finish_reason\":{\"type\":\"abort\"},\"output_token_logprobs\":[],\"completion_tokens\":%d}}\n\n"
                + "data: [DONE]\n\n")
            .formatted(generated())
        : ("data: {\"choices\":[{\"index\":0,\"token_ids\":[],\"finish_reason\":\"abort\","
                + "\"weight_versions\":%s,\"logprobs\":{\"content\":[]}}]}\n\ndata: [DONE]\n\n")
            .formatted(spans());
  }

  private String sglang(StubModel.Sample sample, String finish) {
    text.setLength(0);
    text.append("data: {\"text\":\"\",\"output_ids\":[").append(sample.id());
    text.append("],\"meta_info\":{\"id\":\"").append(wanted.id()).append("\",\"finish_reason\":");
    switch (finish) {
      case "stop" -> text.append("{\"type\":\"stop\",\"matched\":").append(sample.id()).append('}');
      case "length" ->
          text.append("{\"type\":\"length\",\"length\":").append(generated()).append('}');
      default -> text.append("null");
    }
    text.append(",\"prompt_tokens\":").append(wanted.prompt().size());
    text.append(",\"completion_tokens\":").append(generated()).append(",\"cached_tokens\":");
    text.append(cached).append(",\"weight_version\":\"").append(spans.getLast().label());
    text.append("\",\"output_token_logprobs\":[[").append(sample.logprob());
    text.append(',').append(sample.id()).append(",null]],\"output_top_logprobs\":[[");
    for (int i = 0; i < Math.min(wanted.top(), StubModel.CANDIDATES); i++) {
      if (i > 0) text.append(',');
      text.append('[')
          .append(sample.logprobs().get(i))
          .append(',')
          .append(sample.ids().get(i))
          .append(",null]");
    }
    text.append("]]}}\n\n");
    return text.toString();
  }

  /// What follows the last token.
  String end() {
    return wanted.sglang()
        ? "data: [DONE]\n\n"
        : ("data: {\"request_id\":\"%s\",\"choices\":[],\"usage\":{\"prompt_tokens\":%d,"
                + "\"completion_tokens\":%d,\"prompt_tokens_details\":{\"cached_tokens\":%d}}}\n\n"
                + "data: [DONE]\n\n")
            .formatted(wanted.id(), wanted.prompt().size(), generated(), cached);
  }

  static Tokens ids(JsonNode array) {
    int[] ids = new int[array.size()];
    for (int i = 0; i < ids.length; i++) ids[i] = array.get(i).asInt();
    return Tokens.of(ids);
  }
}
