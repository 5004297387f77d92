package dev.turnstone.rollout;

/// One request of the policy to run a tool.
///
/// @param id names the call within its rollout
/// @param arguments a JSON object
public record ToolCall(String id, String name, Json arguments) {}
