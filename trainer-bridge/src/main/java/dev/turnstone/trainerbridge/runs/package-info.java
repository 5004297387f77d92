/// Runs from task to feed: start with [Run], which owns one training job's groups.
@NullMarked
package dev.turnstone.trainerbridge.runs;

import org.jspecify.annotations.NullMarked;
