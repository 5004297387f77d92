/// Between messages and token ids: tokenizer, chat templates and tool calls.
///
/// Start with [TemplateChatFormat], which turns messages into ids; [Tokenizer] knows what an id
/// stands for, and [HermesToolCallParser] reads what the policy wrote.
@NullMarked
package dev.turnstone.engine.chat;

import org.jspecify.annotations.NullMarked;
