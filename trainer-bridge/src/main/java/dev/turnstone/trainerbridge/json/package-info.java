/// JSON trees: reading fields with sentences about what is wrong, canonical text, messages.
///
/// Start with [Fields].
@NullMarked
package dev.turnstone.trainerbridge.json;

import org.jspecify.annotations.NullMarked;
