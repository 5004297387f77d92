package dev.turnstone.bench.engine;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.engine.Engine;
import dev.turnstone.engine.Retention;
import dev.turnstone.rollout.TrainablePolicy.Applied;
import dev.turnstone.rollout.WeightsId;
import dev.turnstone.rollout.WeightsUpdate;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/// How long 16 running generations stand still at a weight update: as the engine says, and as the
/// longest time between two tokens of anyone while the update was under way.
final class UpdateFigure implements Figure {
  private static final int REQUESTS = 16;
  private static final int UPDATES = 3;

  @Override
  public String name() {
    return "weight_update";
  }

  @Override
  public void measure(Subject subject, ObjectNode into) throws Exception {
    int generate = Math.min(600, subject.config().contextLength() - 80);
    try (Engine engine = subject.open(REQUESTS * 700L, Retention.ADAPTIVE);
        var load = new Load()) {
      for (int i = 0; i < REQUESTS; i++) load.send(engine, subject.prompt(64, i), generate, i);
      load.awaitAllBegun();
      load.awaitTokens(20L * REQUESTS);
      List<Applied> applied = new ArrayList<>();
      List<Long> gaps = new ArrayList<>();
      for (int version = 1; version <= UPDATES; version++) {
        var id = new WeightsId("bench", version, "" + version);
        load.longestGap(); // begins anew
        applied.add(
            engine.apply(
                new WeightsUpdate(
                    id, subject.folder(), WeightsUpdate.Pause.KEEP, WeightsUpdate.Kv.KEEP)));
        load.awaitTokens(load.tokens() + 2L * REQUESTS);
        gaps.add(load.longestGap());
      }
      into.put("pause_ms", Collections.max(applied.stream().map(Applied::pauseMillis).toList()));
      into.put("load_ms", Collections.max(applied.stream().map(Applied::loadMillis).toList()));
      into.put("longest_gap_ms", Figure.rounded(Collections.max(gaps) / 1e6));
    }
  }
}
