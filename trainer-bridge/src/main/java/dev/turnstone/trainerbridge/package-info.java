/// Durable log, groups, advantages, feed, weights and the reference GRPO trainer.
@NullMarked
package dev.turnstone.trainerbridge;

import org.jspecify.annotations.NullMarked;
