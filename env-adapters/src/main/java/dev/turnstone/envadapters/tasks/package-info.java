/// Task files: datasets as JSON Lines or Parquet, row by row, mapped to tasks.
///
/// Start with [TaskFile].
@NullMarked
package dev.turnstone.envadapters.tasks;

import org.jspecify.annotations.NullMarked;
