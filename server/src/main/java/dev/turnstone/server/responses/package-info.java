/// OpenAI's responses: items in, items out, stored so that a later request goes on from them.
///
/// Read [Responses] first; [Items] reads what comes in, [ResponseJson] and [ResponseStream] write
/// what goes out.
@NullMarked
package dev.turnstone.server.responses;

import org.jspecify.annotations.NullMarked;
