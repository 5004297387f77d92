package dev.turnstone.engine.lanes;

import dev.turnstone.engine.EngineConfig;
import dev.turnstone.engine.ForwardPass;
import dev.turnstone.engine.ForwardPassOffer;
import dev.turnstone.engine.ModelConfig;

/// Offers the lanes to the engine.
public final class LaneOffer implements ForwardPassOffer {
  @Override
  public String obstacle(ModelConfig model) {
    return LaneForward.obstacle(model);
  }

  @Override
  public ForwardPass open(ModelConfig model, EngineConfig config) {
    return new LaneForward(
        model,
        config.precision(),
        config.threads(),
        config.kvBytes(),
        config.maxBatchTokens(),
        config.deterministic());
  }
}
