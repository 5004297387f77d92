/// OpenAPI documents as tools.
///
/// Start with [OpenApiSource].
@NullMarked
package dev.turnstone.envadapters.openapi;

import org.jspecify.annotations.NullMarked;
