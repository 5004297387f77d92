package dev.turnstone.trainerbridge.algorithm;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.StreamSupport;

/// The made-up step of `golden-algorithms.json` (tools/golden_algorithms.py).
public final class GoldenStep {
  public static final JsonNode FILE = read("/golden-algorithms.json");

  private GoldenStep() {}

  static JsonNode read(String resource) {
    try (var stream = Objects.requireNonNull(GoldenStep.class.getResourceAsStream(resource))) {
      return new ObjectMapper().readTree(stream);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// @param greedy whether the rollouts that the ReMax case compares with are marked so
  static StepBatch batch(boolean greedy) {
    var rollouts = new ArrayList<StepBatch.Scored>();
    for (JsonNode rollout : FILE.get("rollouts")) {
      int index = rollouts.size();
      boolean baseline =
          greedy
              && StreamSupport.stream(FILE.get("greedy").spliterator(), false)
                  .anyMatch(node -> node.asInt() == index);
      rollouts.add(
          new StepBatch.Scored(
              rollout.get("group").asInt(),
              Optional.of(rollout.get("reward").asDouble()),
              StreamSupport.stream(rollout.get("turn_rewards").spliterator(), false)
                  .map(JsonNode::asDouble)
                  .toList(),
              baseline));
    }
    return new StepBatch(
        rollouts,
        rows().stream()
            .map(row ->
                new TokenRow(
                    row.get("rollout").asInt(),
                    ints(row.get("turns")),
                    Optional.of(doubles(row.get("old"))),
                    Optional.of(doubles(row.get("reference"))),
                    Optional.of(doubles(row.get("values")))))
            .toList());
  }

  public static List<JsonNode> rows() {
    return list(FILE.get("rows"));
  }

  public static List<JsonNode> list(JsonNode array) {
    return StreamSupport.stream(array.spliterator(), false).toList();
  }

  public static double[] doubles(JsonNode array) {
    return list(array).stream().mapToDouble(JsonNode::asDouble).toArray();
  }

  public static int[] ints(JsonNode array) {
    return list(array).stream().mapToInt(JsonNode::asInt).toArray();
  }
}
