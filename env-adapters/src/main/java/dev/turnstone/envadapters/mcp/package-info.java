/// MCP servers as sources of tools: one MCP session per rollout.
///
/// Start with [McpSource]. [McpConnection] is a session through the MCP SDK's client session;
/// beneath it is a wire of ours, [StreamableHttpWire], [SseWire] or [StdioWire], each of which
/// blocks its caller until the answer is there, the deadline has passed or the server is lost.
@NullMarked
package dev.turnstone.envadapters.mcp;

import org.jspecify.annotations.NullMarked;
