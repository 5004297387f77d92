/// The reference trainer, on the same forward pass as the engine; what it minimises is an
/// [algorithm][dev.turnstone.trainerbridge.algorithm].
///
/// Start with [Trainer].
@NullMarked
package dev.turnstone.trainerbridge.trainer;

import org.jspecify.annotations.NullMarked;
