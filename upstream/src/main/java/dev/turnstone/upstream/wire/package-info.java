/// How to speak to an engine: vLLM's generation from ids, its completions where that is missing,
/// and SGLang's generation.
///
/// Read [EngineWire] first; [EngineHttp] is the one HTTP client below all of them.
@NullMarked
package dev.turnstone.upstream.wire;

import org.jspecify.annotations.NullMarked;
