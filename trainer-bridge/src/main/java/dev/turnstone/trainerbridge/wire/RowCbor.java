package dev.turnstone.trainerbridge.wire;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.BinaryNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.POJONode;
import dev.turnstone.rollout.Logprobs;
import dev.turnstone.rollout.Reward;
import dev.turnstone.rollout.Row;
import dev.turnstone.rollout.RunLength;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.trainerbridge.json.Fields;
import dev.turnstone.trainerbridge.json.JsonText;
import dev.turnstone.trainerbridge.spec.SamplingJson;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/// A [Row] as a tree for [TypedCbor], in the log and on the feed alike.
public final class RowCbor {
  /// What a row's advantages are called beside it.
  static final String ADVANTAGES = "advantages";

  private RowCbor() {}

  static void write(ObjectNode node, Row row) {
    byte[] mask = new byte[row.length()];
    BitSet set = row.mask();
    for (int from = set.nextSetBit(0); from >= 0; from = set.nextSetBit(set.nextClearBit(from)))
      Arrays.fill(mask, from, set.nextClearBit(from), (byte) 1);
    node.put("branch", row.branch());
    node.set("ids", new POJONode(row.ids().toArray()));
    node.put("mask", mask);
    node.set("logprobs", new POJONode(row.logprobs().toArray()));
    node.set("versions", runs(row.versions(), ints(row.versions().values())));
    node.set("turns", runs(row.turns(), ints(row.turns().values())));
    node.set("temperatures", runs(row.temperatures()));
    node.put("lineage", row.lineage());
    row.sampler().ifPresent(sampler -> node.set("sampler", SamplingJson.write(sampler)));
    node.put("prompt_length", row.promptLength());
    row.flags().forEach(node.putArray("flags")::add);
  }

  /// Reads what [#write] wrote.
  ///
  /// @throws IllegalArgumentException with a sentence that names the offending value
  static Row parse(Fields fields) {
    int[] ids = ints(fields, "ids");
    return new Row(
        fields.integer("branch", 0),
        Tokens.of(ids),
        mask(fields),
        Logprobs.of(floats(fields, "logprobs")),
        intRuns(fields, "versions", ids.length),
        intRuns(fields, "turns", ids.length),
        floatRuns(fields, "temperatures", ids.length),
        fields.text("lineage"),
        fields.object("sampler").map(SamplingJson::read),
        Math.toIntExact(fields.integer("prompt_length")),
        fields.list("flags").stream().map(JsonNode::asText).toList());
  }

  static void writeReward(ObjectNode node, Optional<Reward> reward) {
    if (reward.isEmpty()) node.putNull("reward");
    reward.ifPresent(scored -> node.put("reward", scored.value()));
    ObjectNode parts = node.putObject("reward_parts");
    reward.ifPresent(scored -> scored.parts().forEach(parts::put));
    reward
        .map(Reward::turns)
        .filter(turns -> !turns.isEmpty())
        .ifPresent(turns -> writeTurns(node.putArray("turn_rewards"), turns));
  }

  /// One entry a turn, null where the environment gave none.
  private static void writeTurns(ArrayNode node, SortedMap<Integer, Double> turns) {
    for (int turn = 0; turn <= turns.lastKey(); turn++) node.add(turns.get(turn));
  }

  static Optional<Reward> reward(Fields fields) {
    if (!fields.has("reward")) return Optional.empty();
    Map<String, Double> parts = new LinkedHashMap<>();
    fields
        .object("reward_parts")
        .ifPresent(object ->
            object.names().forEach(name -> parts.put(name, object.number(name, Double.NaN))));
    return Optional.of(new Reward(fields.number("reward", Double.NaN), parts, turns(fields)));
  }

  private static SortedMap<Integer, Double> turns(Fields fields) {
    SortedMap<Integer, Double> turns = new TreeMap<>();
    if (!fields.has("turn_rewards")) return turns;
    List<JsonNode> nodes = fields.list("turn_rewards");
    for (int turn = 0; turn < nodes.size(); turn++)
      if (nodes.get(turn).isNumber()) turns.put(turn, nodes.get(turn).doubleValue());
    return turns;
  }

  private static BitSet mask(Fields fields) {
    BitSet mask = new BitSet();
    if (!(fields.tree().path("mask") instanceof BinaryNode typed))
      throw new IllegalArgumentException("mask is not a u8 array");
    byte[] bytes = typed.binaryValue();
    // By runs, of which there are few.
    int from = 0;
    while (from < bytes.length) {
      int to = from;
      while (to < bytes.length && bytes[to] != 0) to++;
      mask.set(from, to);
      from = to + 1;
    }
    return mask;
  }

  static ObjectNode runs(RunLength<Float> runs) {
    return runs(runs, floats(runs.values()));
  }

  private static ObjectNode runs(RunLength<?> runs, Object values) {
    ObjectNode node = JsonText.object();
    node.set("starts", new POJONode(ints(runs.starts())));
    node.set("values", new POJONode(values));
    return node;
  }

  private static RunLength<Integer> intRuns(Fields fields, String name, int length) {
    Fields runs = runs(fields, name);
    return new RunLength<>(length, list(ints(runs, "starts")), list(ints(runs, "values")));
  }

  static RunLength<Float> floatRuns(Fields fields, String name, int length) {
    Fields runs = runs(fields, name);
    List<Float> values = new ArrayList<>();
    for (float value : floats(runs, "values")) values.add(value);
    return new RunLength<>(length, list(ints(runs, "starts")), values);
  }

  private static Fields runs(Fields fields, String name) {
    return fields
        .object(name)
        .orElseThrow(() -> new IllegalArgumentException(name + " is missing"));
  }

  private static int[] ints(Fields fields, String name) {
    if (fields.tree().path(name) instanceof POJONode typed && typed.getPojo() instanceof int[] ints)
      return ints;
    throw new IllegalArgumentException(name + " is not an i32 array");
  }

  private static float[] floats(Fields fields, String name) {
    if (fields.tree().path(name) instanceof POJONode typed
        && typed.getPojo() instanceof float[] floats) return floats;
    throw new IllegalArgumentException(name + " is not an f32 array");
  }

  private static int[] ints(List<Integer> values) {
    return values.stream().mapToInt(Integer::intValue).toArray();
  }

  private static float[] floats(List<Float> values) {
    float[] floats = new float[values.size()];
    for (int i = 0; i < floats.length; i++) floats[i] = values.get(i);
    return floats;
  }

  private static List<Integer> list(int[] values) {
    return Arrays.stream(values).boxed().toList();
  }
}
