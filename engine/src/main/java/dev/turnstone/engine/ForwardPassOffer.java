package dev.turnstone.engine;

/// A kind of forward pass besides TorchScript's, found by `java.util.ServiceLoader`: so the package
/// that computes steps for a machine depends on this one, and not the other way.
public interface ForwardPassOffer {
  /// Why this model cannot run on it, as words that follow "because"; empty if it can.
  String obstacle(ModelConfig model);

  /// Opens a forward pass with its KV cache.
  ForwardPass open(ModelConfig model, EngineConfig config);
}
