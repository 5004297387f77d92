package dev.turnstone.rollout;

/// Names one set of weights.
///
/// @param lineage one training history; versions are only comparable within it
/// @param version given by the trainer, counting up
/// @param sha256 of the weights' manifest, lower-case hexadecimal
public record WeightsId(String lineage, int version, String sha256) {}
