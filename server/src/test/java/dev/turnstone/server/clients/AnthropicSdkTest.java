package dev.turnstone.server.clients;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.anthropic.client.AnthropicClient;
import com.anthropic.client.okhttp.AnthropicOkHttpClient;
import com.anthropic.core.http.StreamResponse;
import com.anthropic.errors.BadRequestException;
import com.anthropic.models.messages.ContentBlockParam;
import com.anthropic.models.messages.Message;
import com.anthropic.models.messages.MessageContentParam;
import com.anthropic.models.messages.MessageCountTokensParams;
import com.anthropic.models.messages.MessageCreateParams;
import com.anthropic.models.messages.RawMessageStreamEvent;
import com.anthropic.models.messages.StopReason;
import com.anthropic.models.messages.Tool;
import com.anthropic.models.messages.ToolResultBlockParam;
import dev.turnstone.server.TestServer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// Anthropic's own client for Java.
@Timeout(60)
final class AnthropicSdkTest {
  private TestServer server;
  private AnthropicClient client;

  @BeforeEach
  void start(@TempDir Path data) throws InterruptedException {
    server =
        TestServer.start(data, "{\"api_keys\": [{\"key\": \"agent-k\", \"scope\": \"agent\"}]}");
    client =
        AnthropicOkHttpClient.builder()
            .baseUrl(server.url())
            .apiKey("agent-k")
            .maxRetries(0)
            .build();
  }

  @AfterEach
  void stop() {
    client.close();
    server.close();
  }

  private static MessageCreateParams.Builder ask(String text) {
    return MessageCreateParams.builder()
        .model("claude-sonnet-4-5")
        .maxTokens(100)
        .system("be brief")
        .addUserMessage(text);
  }

  private static Tool python() {
    return Tool.builder().name("python").inputSchema(Tool.InputSchema.builder().build()).build();
  }

  @Test
  void aMessage() {
    server.policy.says("hello");
    Message reply = client.messages().create(ask("hi").build()).validate();
    assertThat(reply.content().getFirst().asText().text()).isEqualTo("hello");
    assertThat(reply.stopReason()).contains(StopReason.END_TURN);
    assertThat(reply.usage().outputTokens()).isEqualTo(6);
    assertThat(reply.usage().cacheReadInputTokens()).contains(3L);
  }

  @Test
  void aToolLoop() {
    server.policy.says("call python {\"code\": \"6*7\"}").says("42");
    Message first = client.messages().create(ask("6*7?").addTool(python()).build()).validate();
    assertThat(first.stopReason()).contains(StopReason.TOOL_USE);
    var use = first.content().getFirst().asToolUse();
    assertThat(use.name()).isEqualTo("python");
    MessageCreateParams next =
        ask("6*7?")
            .addTool(python())
            .addMessage(first)
            .addUserMessage(
                MessageContentParam.ofContentBlockParams(
                    List.of(
                        ContentBlockParam.ofToolResult(
                            ToolResultBlockParam.builder()
                                .toolUseId(use.id())
                                .content("42")
                                .build()))))
            .build();
    Message second = client.messages().create(next).validate();
    assertThat(second.content().getFirst().asText().text()).isEqualTo("42");
  }

  @Test
  void aStreamWithATool() {
    server.policy.says("so call python {\"code\": 1}");
    List<RawMessageStreamEvent> events = new ArrayList<>();
    try (StreamResponse<RawMessageStreamEvent> stream =
        client.messages().createStreaming(ask("hi").addTool(python()).build())) {
      stream.stream().forEach(events::add);
    }
    assertThat(events.getFirst().isMessageStart()).isTrue();
    assertThat(events.getLast().isMessageStop()).isTrue();
    StringBuilder text = new StringBuilder();
    StringBuilder input = new StringBuilder();
    for (RawMessageStreamEvent event : events)
      event
          .contentBlockDelta()
          .ifPresent(delta -> {
            delta.delta().text().ifPresent(part -> text.append(part.text()));
            delta.delta().inputJson().ifPresent(part -> input.append(part.partialJson()));
          });
    assertThat(text.toString()).isEqualTo("so ");
    assertThat(input.toString()).isEqualTo("{\"code\": 1}");
  }

  @Test
  void tokensAreCountedAndErrorsKnown() {
    long tokens =
        client
            .messages()
            .countTokens(
                MessageCountTokensParams.builder().model("claude-x").addUserMessage("hi").build())
            .inputTokens();
    assertThat(tokens).isEqualTo("<user>hi<assistant>".length());
    assertThatThrownBy(() -> client.messages().create(ask("x".repeat(300)).build()))
        .isInstanceOf(BadRequestException.class)
        .hasMessageContaining("tokens");
  }
}
