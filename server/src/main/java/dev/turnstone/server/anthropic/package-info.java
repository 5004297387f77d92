/// Anthropic's wire, which coding agents speak: `/v1/messages`, plain and streamed.
@NullMarked
package dev.turnstone.server.anthropic;

import org.jspecify.annotations.NullMarked;
