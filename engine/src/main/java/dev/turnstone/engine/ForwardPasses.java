package dev.turnstone.engine;

import java.util.ServiceLoader;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Chooses the forward pass for a model on this machine: the one that is offered, or TorchScript's.
final class ForwardPasses {
  private static final Logger LOG = LoggerFactory.getLogger(ForwardPasses.class);

  private ForwardPasses() {}

  /// @throws ModelException if none does what the configuration asks for
  static ForwardPass open(Model model, EngineConfig config) throws ModelException {
    ForwardPassOffer offer = offer();
    String obstacle = obstacle(offer, model.config(), config);
    if (!obstacle.isEmpty() && config.deterministic())
      throw new ModelException("no deterministic mode for this model: " + obstacle);
    try {
      if (obstacle.isEmpty()) return offer.open(model.config(), config);
      LOG.info("the TorchScript forward pass runs: {}", obstacle);
      return new TorchForward(model, new KvCache(model, config.kvBytes()));
    } catch (IllegalArgumentException | IllegalStateException e) {
      throw new ModelException(String.valueOf(e.getMessage()));
    }
  }

  private static ForwardPassOffer offer() {
    return ServiceLoader.load(ForwardPassOffer.class, Engine.class.getClassLoader())
        .findFirst()
        .orElseThrow(() -> new IllegalStateException("no forward pass for CPUs is there"));
  }

  private static String obstacle(ForwardPassOffer offer, ModelConfig model, EngineConfig config) {
    if (config.forward() == EngineConfig.Forward.TORCHSCRIPT) return "it was asked for";
    return ComputeDevice.chosen().isGpu() ? "lanes do not run on a GPU" : offer.obstacle(model);
  }
}
