/// What clients ask for: runs, tasks, and the policy that a trainer must share.
///
/// Start with [RunSpec].
@NullMarked
package dev.turnstone.trainerbridge.spec;

import org.jspecify.annotations.NullMarked;
