package dev.turnstone.trainerbridge.runs;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// What should make somebody look at a run: found in what its trainer says of each step, whichever
/// trainer it is, and in groups that came too old.
///
/// Confined to its run's lock.
final class RunAlarms {
  /// Steps that are compared with as many before them.
  private static final int SPAN = 5;

  /// Below this a mismatch is arithmetic, however it moves.
  private static final double NOTICEABLE = 1e-3;

  private static final double RISING = 2;

  /// Of one step; the rest are counted.
  private static final int MOST = 16;

  private final int maxStaleness;
  private final Deque<Double> mismatch = new ArrayDeque<>();
  private boolean rising;
  private long raised;

  RunAlarms(int maxStaleness) {
    this.maxStaleness = maxStaleness;
  }

  /// What a step's figures give cause for: what the trainer says itself, and what the server sees.
  List<RunEvent.Alarm> step(ObjectNode figures) {
    long step = figures.path("step").asLong(-1);
    List<RunEvent.Alarm> found = new ArrayList<>();
    for (JsonNode said : figures.path("alarms"))
      found.add(new RunEvent.Alarm("trainer", said.asText(), step));
    for (Map.Entry<String, JsonNode> figure : figures.properties())
      if (!finite(figure.getValue()))
        found.add(
            new RunEvent.Alarm(
                "not_finite",
                "%s is %s".formatted(figure.getKey(), figure.getValue().asText()),
                step));
    long staleness = figures.path("staleness_max").asLong(0);
    if (staleness > maxStaleness)
      found.add(
          new RunEvent.Alarm(
              "staleness",
              "staleness_max is %d, above the run's %d".formatted(staleness, maxStaleness),
              step));
    if (figures.path("mismatch_k3").isNumber())
      found.addAll(mismatch(figures.path("mismatch_k3").asDouble(), step));
    raised += found.size();
    return found.size() <= MOST ? found : shortened(found, step);
  }

  private static List<RunEvent.Alarm> shortened(List<RunEvent.Alarm> found, long step) {
    List<RunEvent.Alarm> told = new ArrayList<>(found.subList(0, MOST - 1));
    told.add(
        new RunEvent.Alarm(
            "trainer",
            "the step gave cause for %d more alarms".formatted(found.size() - told.size()),
            step));
    return told;
  }

  /// A group was dropped because its tokens were too old.
  RunEvent.Alarm stale(String group) {
    raised++;
    return new RunEvent.Alarm(
        "staleness",
        "group %s came more than %d versions late and was dropped".formatted(group, maxStaleness),
        -1);
  }

  long raised() {
    return raised;
  }

  /// JSON has no word for what is no number: trainers write it as text.
  private static boolean finite(JsonNode figure) {
    if (figure.isNumber()) return Double.isFinite(figure.asDouble());
    return !figure.isTextual()
        || !List.of("nan", "inf", "-inf", "infinity", "-infinity")
            .contains(figure.asText().toLowerCase(Locale.ROOT));
  }

  /// Told once per rise.
  private List<RunEvent.Alarm> mismatch(double k3, long step) {
    if (!Double.isFinite(k3)) return List.of();
    mismatch.addLast(k3);
    if (mismatch.size() > 2 * SPAN) mismatch.removeFirst();
    if (mismatch.size() < 2 * SPAN) return List.of();
    double before = mismatch.stream().limit(SPAN).mapToDouble(k -> k).average().orElse(0);
    double now = mismatch.stream().skip(SPAN).mapToDouble(k -> k).average().orElse(0);
    boolean was = rising;
    rising = now > NOTICEABLE && now > RISING * before;
    if (was || !rising) return List.of();
    return List.of(
        new RunEvent.Alarm(
            "mismatch_rising",
            "mismatch_k3 rose from %.3g to %.3g within %d steps".formatted(before, now, 2 * SPAN),
            step));
  }
}
