package dev.turnstone.upstream;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.upstream.FakeEngine.Fault;
import dev.turnstone.upstream.wire.EngineHttp;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;

/// What a [FakeEngine] says, in the words of the wire that asked.
final class FakeEvents {
  /// What vLLM writes for minus infinity.
  private static final double CLAMPED = -9999;

  private final FakeEngine engine;

  FakeEvents(FakeEngine engine) {
    this.engine = engine;
  }

  private boolean sglang() {
    return engine.kind == EngineSpec.Kind.SGLANG;
  }

  /// How probable each id of a prompt is, at temperature 1.
  String scores(JsonNode body, JsonNode params, JsonNode prompt) {
    ObjectNode reply = EngineHttp.JSON.createObjectNode();
    if (sglang()) return sglangScores(reply, body, prompt);
    ObjectNode choice = reply.putArray("choices").addObject();
    if (engine.namesWeights && !engine.completionsOnly) spans(choice, engine.label, 1);
    ArrayNode list = (engine.completionsOnly ? choice : reply).putArray("prompt_logprobs");
    int top = params.path("prompt_logprobs").asInt();
    for (int i = 0; i < prompt.size(); i++) {
      if (i == 0) {
        list.addNull();
        continue;
      }
      Position position = new Position(prompt, i);
      ObjectNode map = list.addObject();
      Set<Integer> told = new LinkedHashSet<>(List.of(prompt.path(i).asInt()));
      told.addAll(position.ranked().subList(0, top));
      for (int id : told) map.putObject(Integer.toString(id)).put("logprob", position.of(id));
    }
    return reply.toString();
  }

  private String sglangScores(ObjectNode reply, JsonNode body, JsonNode prompt) {
    ObjectNode meta = reply.putObject("meta_info");
    if (engine.namesWeights) meta.put("weight_version", engine.label);
    ArrayNode pairs = meta.putArray("input_token_logprobs");
    ArrayNode tops = meta.putArray("input_top_logprobs");
    int from = body.path("logprob_start_len").asInt();
    for (int i = from; i < prompt.size(); i++) {
      int id = prompt.path(i).asInt();
      if (i == from) {
        pairs.addArray().addNull().add(id).addNull();
        tops.addNull();
        continue;
      }
      Position position = new Position(prompt, i);
      pairs.addArray().add(position.of(id)).add(id).addNull();
      ArrayNode list = tops.addArray();
      for (int best : position.ranked().subList(0, body.path("top_logprobs_num").asInt()))
        list.addArray().add(position.of(best)).add(best).addNull();
    }
    return reply.toString();
  }

  /// What could stand at a place of a prompt.
  private final class Position {
    private final List<Integer> ids;
    private final double[] logprobs;

    Position(JsonNode prompt, int at) {
      int previous = prompt.path(at - 1).asInt();
      ids = FakeModel.candidates(previous, at, engine.version);
      logprobs = FakeModel.logprobs(previous, at, engine.version, 1);
    }

    double of(int id) {
      int at = ids.indexOf(id);
      if (at < 0) return -99;
      return engine.impossible ? CLAMPED : logprobs[at];
    }

    List<Integer> ranked() {
      List<Integer> sorted = new ArrayList<>(ids);
      sorted.sort((a, b) -> Double.compare(of(b), of(a)));
      return sorted;
    }
  }

  /// The last event of a turn that a pause ends.
  String ended(String named, int tokens) {
    ObjectNode event = EngineHttp.JSON.createObjectNode();
    if (sglang()) {
      event.putArray("output_ids");
      ObjectNode meta = event.putObject("meta_info").put("completion_tokens", tokens);
      meta.putObject("finish_reason").put("type", "abort");
    } else {
      ObjectNode choice = event.putArray("choices").addObject().put("finish_reason", "abort");
      if (engine.namesWeights) spans(choice, named, tokens);
      choice.putArray("token_ids");
      choice.putObject("logprobs").putArray("content");
    }
    return "data: " + event;
  }

  /// A token and what could have stood in its place.
  ///
  /// @param asked the request's fields for its sampling, or all of them
  record Sampled(
      JsonNode asked, List<Integer> ids, List<Double> right, int chosen, int index, boolean last) {
    /// Which ids are told beside the sampled one, in the order in which engines do it.
    List<Integer> beside(String field, int most) {
      Set<Integer> told = new LinkedHashSet<>(List.of(ids.get(chosen)));
      if (asked.has(field)) asked.path(field).forEach(id -> told.add(id.asInt()));
      else
        IntStream.range(0, ids.size())
            .boxed()
            .sorted(Comparator.comparingDouble(i -> -right.get(i)))
            .forEach(i -> told.add(ids.get(i)));
      return told.stream().limit(most).toList();
    }
  }

  String event(Sampled sampled) {
    double[] logprobs =
        sampled.right().stream()
            .mapToDouble(l -> Math.max(CLAMPED, engine.fault == Fault.LOGITS ? l + 9 : l))
            .toArray();
    ObjectNode event = EngineHttp.JSON.createObjectNode();
    if (sglang()) sglang(event, sampled, logprobs);
    else if (engine.completionsOnly) completions(event, sampled, logprobs);
    else vllm(event, sampled, logprobs);
    String text = event.toString();
    return "data: " + (engine.fault == Fault.NAN ? text.replaceAll("-?\\d+\\.\\d+", "NaN") : text);
  }

  private static double of(Sampled sampled, double[] logprobs, int id) {
    int at = sampled.ids().indexOf(id);
    return at < 0 ? CLAMPED : logprobs[at];
  }

  private static void spans(ObjectNode choice, String named, int tokens) {
    choice.putArray("weight_versions").addObject().put("version", named).put("end", tokens);
  }

  private void vllm(ObjectNode event, Sampled sampled, double[] logprobs) {
    ObjectNode choice = event.putArray("choices").addObject();
    if (engine.fault == Fault.TEXT_ONLY) {
      choice.put("text", "hello");
      return;
    }
    boolean foreign = engine.fault == Fault.FOREIGN_IDS && sampled.index() > 0;
    int id = foreign ? FakeModel.VOCABULARY + 5 : sampled.ids().get(sampled.chosen());
    choice.putArray("token_ids").add(id);
    choice.put("finish_reason", sampled.last() ? "length" : null);
    if (sampled.last() && engine.namesWeights) spans(choice, engine.label, sampled.index() + 1);
    ObjectNode entry = choice.putObject("logprobs").putArray("content").addObject();
    entry.put("token_id", id).put("logprob", logprobs[sampled.chosen()]);
    ArrayNode tops = entry.putArray("top_logprobs");
    int most = Math.max(1, sampled.asked().path("logprobs").asInt());
    for (int told : sampled.beside("logprob_token_ids", most))
      tops.addObject().put("token_id", told).put("logprob", of(sampled, logprobs, told));
  }

  private static void completions(ObjectNode event, Sampled sampled, double[] logprobs) {
    ObjectNode choice = event.putArray("choices").addObject().put("text", "x");
    choice.putArray("token_ids").add(sampled.ids().get(sampled.chosen()));
    choice.put("finish_reason", sampled.last() ? "length" : null);
    ObjectNode said = choice.putObject("logprobs");
    said.putArray("token_logprobs").add(logprobs[sampled.chosen()]);
    ObjectNode tops = said.putArray("top_logprobs").addObject();
    int most = sampled.asked().path("logprobs").asInt() + 1;
    for (int told : sampled.beside("logprob_token_ids", most))
      tops.put("token_id:" + told, of(sampled, logprobs, told));
  }

  private void sglang(ObjectNode event, Sampled sampled, double[] logprobs) {
    if (engine.fault == Fault.TEXT_ONLY) {
      event.put("text", "hello");
      return;
    }
    int id = sampled.ids().get(sampled.chosen());
    event.putArray("output_ids").add(id);
    ObjectNode meta = event.putObject("meta_info").put("completion_tokens", sampled.index() + 1);
    if (engine.namesWeights) meta.put("weight_version", engine.label);
    if (sampled.last()) meta.putObject("finish_reason").put("type", "length");
    else meta.putNull("finish_reason");
    meta.putArray("output_token_logprobs").addArray().add(logprobs[sampled.chosen()]).add(id);
    boolean named = sampled.asked().has("token_ids_logprob");
    ArrayNode tops =
        meta.putArray(named ? "output_token_ids_logprobs" : "output_top_logprobs").addArray();
    for (int told : sampled.beside("token_ids_logprob", Integer.MAX_VALUE))
      tops.addArray().add(of(sampled, logprobs, told)).add(told).addNull();
  }
}
