package dev.turnstone.engine.lanes;

import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;

/// Where a step's time goes, as lane 0 sees it: each stage with the meeting that ends it.
final class StageTimes {
  /// Parts of a step.
  enum Stage {
    NORM,
    QKV,
    CACHE,
    ATTENTION,
    OUTPUT,
    GATE_UP,
    DOWN,
    HEAD
  }

  private final Map<Stage, LongAdder> nanos = new EnumMap<>(Stage.class);
  private long last;

  StageTimes() {
    for (Stage stage : Stage.values()) nanos.put(stage, new LongAdder());
  }

  void begin() {
    last = System.nanoTime();
  }

  /// What has passed since the last mark belongs to a stage.
  void mark(Stage stage) {
    long now = System.nanoTime();
    of(stage).add(now - last);
    last = now;
  }

  private LongAdder of(Stage stage) {
    LongAdder adder = nanos.get(stage);
    if (adder == null) throw new IllegalStateException("no stage " + stage);
    return adder;
  }

  /// Milliseconds since the last call.
  Map<String, Double> take() {
    var millis = new LinkedHashMap<String, Double>();
    for (Stage stage : Stage.values())
      millis.put(stage.name().toLowerCase(Locale.ROOT), of(stage).sumThenReset() / 1e6);
    return millis;
  }
}
