/// What trainers and operators use: environments, runs, their feed, and weights; one class per
/// resource.
@NullMarked
package dev.turnstone.server.runs;

import org.jspecify.annotations.NullMarked;
