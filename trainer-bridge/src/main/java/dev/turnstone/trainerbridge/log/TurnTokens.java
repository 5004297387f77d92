package dev.turnstone.trainerbridge.log;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.Row;
import dev.turnstone.rollout.RunLength;
import dev.turnstone.rollout.Trajectory;
import dev.turnstone.trainerbridge.json.JsonText;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.SortedMap;
import java.util.stream.IntStream;

/// What of a rollout advantages are computed from beside its reward: how many trained tokens each
/// turn has in each row, and what the environment gave for single turns.
///
/// @param rows in the order of their branches
/// @param turnRewards one per turn from 0; 0 where the environment gave none, empty if it never did
public record TurnTokens(List<List<Span>> rows, List<Double> turnRewards) {
  private static final String ROWS = "rows";
  private static final String REWARDS = "turn_rewards";

  public TurnTokens {
    rows = rows.stream().map(List::copyOf).toList();
    turnRewards = List.copyOf(turnRewards);
  }

  /// Trained tokens of one turn that follow each other.
  public record Span(int turn, int tokens) {}

  static TurnTokens of(Trajectory trajectory) {
    return new TurnTokens(
        trajectory.rows().stream().map(TurnTokens::spans).toList(),
        trajectory.reward().map(reward -> dense(reward.turns())).orElse(List.of()));
  }

  private static List<Span> spans(Row row) {
    List<Span> spans = new ArrayList<>();
    RunLength<Integer> turns = row.turns();
    BitSet mask = row.mask();
    for (int i = 0; i < turns.starts().size(); i++) {
      int from = turns.starts().get(i);
      int to = i + 1 < turns.starts().size() ? turns.starts().get(i + 1) : row.length();
      int trained = mask.get(from, to).cardinality();
      if (trained > 0) spans.add(new Span(turns.values().get(i), trained));
    }
    return spans;
  }

  private static List<Double> dense(SortedMap<Integer, Double> turns) {
    if (turns.isEmpty()) return List.of();
    return IntStream.rangeClosed(0, turns.lastKey())
        .mapToObj(turn -> turns.getOrDefault(turn, 0.0))
        .toList();
  }

  /// The turn of every trained token of a row, in order.
  public int[] turns(int row) {
    return rows.get(row).stream()
        .flatMapToInt(span -> IntStream.generate(span::turn).limit(span.tokens()))
        .toArray();
  }

  String write() {
    ObjectNode node = JsonText.object();
    ArrayNode list = node.putArray(ROWS);
    for (List<Span> row : rows) {
      ArrayNode numbers = list.addArray();
      row.forEach(span -> numbers.add(span.turn()).add(span.tokens()));
    }
    if (!turnRewards.isEmpty()) turnRewards.forEach(node.putArray(REWARDS)::add);
    return JsonText.write(node);
  }

  /// Reads what [#write] wrote.
  static TurnTokens parse(String text) {
    JsonNode node = JsonText.parse(text);
    List<List<Span>> rows = new ArrayList<>();
    for (JsonNode numbers : node.path(ROWS)) {
      List<Span> row = new ArrayList<>();
      for (int i = 0; i < numbers.size(); i += 2)
        row.add(new Span(numbers.get(i).intValue(), numbers.get(i + 1).intValue()));
      rows.add(row);
    }
    List<Double> rewards = new ArrayList<>();
    node.path(REWARDS).forEach(reward -> rewards.add(reward.doubleValue()));
    return new TurnTokens(rows, rewards);
  }
}
