package dev.turnstone.engine.lanes;

import java.util.List;

/// One layer's weights as lanes use them.
///
/// @param headNorms of queries and keys, or none
/// @param postNorms of what attention and MLP give, or none
/// @param gateUp gate and up side by side
record PackedLayer(
    RmsNorm inputNorm,
    Projection qkv,
    List<RmsNorm> headNorms,
    Projection output,
    RmsNorm mlpNorm,
    Projection gateUp,
    Projection down,
    List<RmsNorm> postNorms) {}
