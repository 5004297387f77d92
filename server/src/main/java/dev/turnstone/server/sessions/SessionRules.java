package dev.turnstone.server.sessions;

import dev.turnstone.rollout.RolloutLimits;
import dev.turnstone.rollout.Sampling;
import java.time.Duration;
import java.util.Optional;

/// What a session's opener decided.
///
/// @param sampling how every turn is sampled, whatever the agent asks for; empty: as it asks
/// @param limits of the rollout; empty: only the policy's
/// @param deadline after which an unfinished session is closed as `client_gone`
record SessionRules(
    Optional<Sampling> sampling, Optional<RolloutLimits> limits, Duration deadline) {}
