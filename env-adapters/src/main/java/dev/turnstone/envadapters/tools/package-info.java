/// Tools, where they come from and how they are called.
///
/// Start with [ToolSource], one entry of an environment, and [Tool].
@NullMarked
package dev.turnstone.envadapters.tools;

import org.jspecify.annotations.NullMarked;
