/// Between conversations and token ids: tokenizer, chat templates, tool-call formats.
///
/// Start with [TemplateChatFormat], which makes prompts and suffixes from a model folder: it
/// renders with [ChatTemplate] and encodes with [Tokenizer]. [HermesToolCallParser] reads what the
/// policy wrote; [IncrementalText] and [ToolCallStream] do the same while it is being written.
@NullMarked
package dev.turnstone.engine.chat;

import org.jspecify.annotations.NullMarked;
