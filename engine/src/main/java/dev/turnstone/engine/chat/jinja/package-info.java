/// The Jinja2 template language as Hugging Face transformers runs it for chat templates.
///
/// Start with [Template]: source in, text out. The way of a template is `Lexer` → `StatementParser`
/// and `ExpressionParser` → `Statement` and `Expression`, which render themselves over a `Scope` of
/// `Value`s. The world is closed: no reflection, no files, no class of the host is reachable, and
/// every rendering has a `Budget`. What is not implemented is refused when the template is loaded.
@NullMarked
package dev.turnstone.engine.chat.jinja;

import org.jspecify.annotations.NullMarked;
