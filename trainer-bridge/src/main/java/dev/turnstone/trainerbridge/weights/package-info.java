/// New weights from a trainer: published folders, their manifest, and the rule by which they are
/// applied.
///
/// Start with [Weights].
@NullMarked
package dev.turnstone.trainerbridge.weights;

import org.jspecify.annotations.NullMarked;
