package dev.turnstone.upstream.routing;

import dev.turnstone.rollout.Tokens;
import java.util.Optional;

/// A turn that needs an engine.
///
/// @param conversation whose turn it is, exactly as it is named; empty if it belongs to none
public record Turn(Optional<String> conversation, Tokens prompt) {}
