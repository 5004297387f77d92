package dev.turnstone.envadapters.mcp;

import dev.turnstone.envadapters.peer.RequestHeaders;
import dev.turnstone.envadapters.tools.OutputLimit;
import dev.turnstone.envadapters.tools.ToolAnswer;
import io.modelcontextprotocol.spec.McpSchema.AudioContent;
import io.modelcontextprotocol.spec.McpSchema.BlobResourceContents;
import io.modelcontextprotocol.spec.McpSchema.CallToolResult;
import io.modelcontextprotocol.spec.McpSchema.Content;
import io.modelcontextprotocol.spec.McpSchema.EmbeddedResource;
import io.modelcontextprotocol.spec.McpSchema.ImageContent;
import io.modelcontextprotocol.spec.McpSchema.ResourceLink;
import io.modelcontextprotocol.spec.McpSchema.TextContent;
import io.modelcontextprotocol.spec.McpSchema.TextResourceContents;
import java.io.IOException;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;

/// A tool's result as text for a policy that reads only text: what is no text is named.
final class McpContent {
  private McpContent() {}

  static ToolAnswer answer(CallToolResult result, OutputLimit output, RequestHeaders secrets) {
    List<Content> parts = Objects.requireNonNullElse(result.content(), List.of());
    String text =
        parts.isEmpty()
            ? structured(result.structuredContent())
            : parts.stream().map(McpContent::text).collect(Collectors.joining("\n"));
    String shown = output.cut(secrets.blackOut(text));
    if (Boolean.TRUE.equals(result.isError()))
      return ToolAnswer.failed(shown.isEmpty() ? "Error: the tool failed" : shown);
    return ToolAnswer.ok(shown.isEmpty() ? "(no output)" : shown);
  }

  private static String text(Content part) {
    return switch (part) {
      case TextContent text -> String.valueOf(text.text());
      case ImageContent image -> media("image", image.mimeType(), image.data());
      case AudioContent audio -> media("audio", audio.mimeType(), audio.data());
      case ResourceLink link -> "[resource %s: %s]".formatted(link.name(), link.uri());
      case EmbeddedResource embedded ->
          switch (embedded.resource()) {
            case TextResourceContents text -> String.valueOf(text.text());
            case BlobResourceContents blob -> media("file", blob.mimeType(), blob.blob());
            default -> "[resource]";
          };
      default -> "[content that is no text]";
    };
  }

  /// Base64 has four characters for three bytes.
  private static String media(String what, String type, String base64) {
    long bytes = base64 == null ? 0 : base64.length() * 3L / 4;
    return "[%s, %s, %d bytes]".formatted(what, type == null ? "unknown type" : type, bytes);
  }

  private static String structured(Object content) {
    try {
      return content == null ? "" : McpMessages.JSON.writeValueAsString(content);
    } catch (IOException e) {
      throw new IllegalStateException("JSON that was just read cannot be written", e);
    }
  }
}
