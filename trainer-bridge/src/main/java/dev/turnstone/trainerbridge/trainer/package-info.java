/// The reference trainer: GRPO on the same forward pass as the engine.
///
/// Start with [GrpoTrainer].
@NullMarked
package dev.turnstone.trainerbridge.trainer;

import org.jspecify.annotations.NullMarked;
