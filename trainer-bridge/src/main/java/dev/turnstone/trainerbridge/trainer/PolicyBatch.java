package dev.turnstone.trainerbridge.trainer;

import java.util.Optional;

/// A micro-batch of the policy objective; every array has one value per scored token.
///
/// @param old log-probabilities at the start of the step; empty in its first inner step, where they
///   are the ones just computed
/// @param behaviour log-probabilities that the rollout recorded
/// @param reference log-probabilities under the reference policy; empty if there is none
@SuppressWarnings("ArrayRecordComponent") // handed to libtorch once and dropped; never compared
public record PolicyBatch(
    TokenBatch tokens,
    Optional<float[]> old,
    float[] behaviour,
    Optional<float[]> reference,
    float[] advantages) {}
