package dev.turnstone.trainerbridge;

/// A micro-batch of the policy objective; every array has one value per scored token.
///
/// @param old log-probabilities under the weights at the start of the step
/// @param behaviour log-probabilities that the rollout recorded
/// @param reference log-probabilities under the reference policy; `old` if there is none
@SuppressWarnings("ArrayRecordComponent") // handed to libtorch once and dropped; never compared
record PolicyBatch(
    TokenBatch tokens, float[] old, float[] behaviour, float[] reference, float[] advantages) {}
