package dev.turnstone.upstream;

import dev.turnstone.rollout.Tokens;
import java.util.function.Function;

/// The ids that all engines of a policy must share.
///
/// @param vocabulary one more than the largest id
/// @param encode ids of a text, without anything around it
public record TokenSpace(int vocabulary, Function<String, Tokens> encode) {}
