/// Which engine takes a turn, and when: nothing here knows HTTP, so the benchmark simulates with
/// exactly this code.
///
/// Read [Router] first, then [StickyLeastLoaded].
@NullMarked
package dev.turnstone.upstream.routing;

import org.jspecify.annotations.NullMarked;
