package dev.turnstone.rollout;

/// A tool as the policy sees it.
///
/// @param parameters JSON Schema of the arguments object
public record ToolSpec(String name, String description, Json parameters) {}
