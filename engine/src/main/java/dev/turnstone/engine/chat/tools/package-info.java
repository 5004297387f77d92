/// What a turn's text means: reasoning, content, tool calls, in the formats that models write.
///
/// Start with [ToolFormats], the table of formats. Each is data, a [ToolFormat]: where calls begin
/// ([Opening]) and of which [Step]s one is made. [TurnParser] reads a turn, [TurnStream] reads it
/// while it is being written.
@NullMarked
package dev.turnstone.engine.chat.tools;

import org.jspecify.annotations.NullMarked;
