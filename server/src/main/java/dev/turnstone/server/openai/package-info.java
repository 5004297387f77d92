/// OpenAI wires: one class per resource, and how its requests are read and its replies written.
@NullMarked
package dev.turnstone.server.openai;

import org.jspecify.annotations.NullMarked;
