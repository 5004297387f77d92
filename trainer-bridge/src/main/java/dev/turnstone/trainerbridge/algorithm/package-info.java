/// Training algorithms: how rewards become advantages, and what a policy minimises over them.
///
/// Read [Algorithm] first: one small class per algorithm, found by its name. An algorithm composes
/// an [Objective] from an [AdvantageEstimator], a [PolicyLoss], a [Correction] for what the rollout
/// engine's policy differs from the trainer's, a [KlPenalty] and an [Aggregation]. Everything here
/// is arithmetic on `double`s: a loss gives its value and its derivative by each token's
/// log-probability, and the [learner][dev.turnstone.trainerbridge] hands that derivative to the
/// model. So every formula is tested against numbers without a model.
@NullMarked
package dev.turnstone.trainerbridge.algorithm;

import org.jspecify.annotations.NullMarked;
