/// Token ids in, token ids out: continuous batching over a paged KV cache.
///
/// Start with [Engine], which owns the engine thread; [Scheduler] decides which sequences run in
/// the next step, [BlockPool] says what is cached, a [ForwardPass] computes: lanes in
/// `dev.turnstone.engine.lanes`, or the reference, [Model], whose source is one `.torchscript` file
/// per [Family]; [Sampler] draws the next token. Tokenizer and chat formats live in
/// `dev.turnstone.engine.chat`; nothing here knows text or HTTP.
@NullMarked
package dev.turnstone.engine;

import org.jspecify.annotations.NullMarked;
