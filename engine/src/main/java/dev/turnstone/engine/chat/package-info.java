/// Between conversations and token ids: tokenizer, chat templates, tool-call formats.
///
/// Start with [TemplateChatFormat], which makes prompts and suffixes from a model folder: it
/// renders with [ChatTemplate] and encodes with [Tokenizer]. [IncrementalText] turns ids into text
/// while they arrive; the package `tools` reads what the text means.
@NullMarked
package dev.turnstone.engine.chat;

import org.jspecify.annotations.NullMarked;
