/// The vocabulary of rollouts and the agent loop.
///
/// Start with [Rollout]: one task, one environment session, one trajectory. Everything it needs
/// from elsewhere is one of four ports: [Policy], [ChatFormat], [ToolCallParser] and [Environment].
/// This package depends on `java.base` and JSpecify only.
@NullMarked
package dev.turnstone.rollout;

import org.jspecify.annotations.NullMarked;
