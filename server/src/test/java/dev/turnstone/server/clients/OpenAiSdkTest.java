package dev.turnstone.server.clients;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.core.JsonValue;
import com.openai.core.http.StreamResponse;
import com.openai.errors.BadRequestException;
import com.openai.errors.NotFoundException;
import com.openai.models.FunctionDefinition;
import com.openai.models.FunctionParameters;
import com.openai.models.chat.completions.ChatCompletion;
import com.openai.models.chat.completions.ChatCompletionChunk;
import com.openai.models.chat.completions.ChatCompletionCreateParams;
import com.openai.models.completions.CompletionCreateParams;
import com.openai.models.responses.Response;
import com.openai.models.responses.ResponseCreateParams;
import com.openai.models.responses.ResponseStreamEvent;
import dev.turnstone.server.TestServer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// OpenAI's own client for Java.
@Timeout(60)
final class OpenAiSdkTest {
  private TestServer server;
  private OpenAIClient client;

  @BeforeEach
  void start(@TempDir Path data) throws InterruptedException {
    server = TestServer.start(data);
    client =
        OpenAIOkHttpClient.builder()
            .baseUrl(server.url() + "/v1")
            .apiKey("any")
            .maxRetries(0)
            .build();
  }

  @AfterEach
  void stop() {
    client.close();
    server.close();
  }

  private static ChatCompletionCreateParams.Builder chat(String text) {
    return ChatCompletionCreateParams.builder().model("scripted").addUserMessage(text);
  }

  @Test
  void aChatCompletion() {
    server.policy.says("hello");
    ChatCompletion reply =
        client.chat().completions().create(chat("hi").logprobs(true).build()).validate();
    assertThat(reply.choices().getFirst().message().content()).contains("hello");
    assertThat(reply.choices().getFirst().finishReason())
        .isEqualTo(ChatCompletion.Choice.FinishReason.STOP);
    assertThat(reply.choices().getFirst().logprobs().orElseThrow().content().orElseThrow())
        .hasSize(6);
    assertThat(reply.usage().orElseThrow().completionTokens()).isEqualTo(6);
  }

  @Test
  void aStreamedToolCall() {
    server.policy.says("well call python {\"code\": \"1\"}");
    FunctionDefinition python =
        FunctionDefinition.builder()
            .name("python")
            .parameters(
                FunctionParameters.builder()
                    .putAdditionalProperty("type", JsonValue.from("object"))
                    .build())
            .build();
    ChatCompletionCreateParams params = chat("hi").addFunctionTool(python).build();
    StringBuilder text = new StringBuilder();
    List<String> calls = new ArrayList<>();
    try (StreamResponse<ChatCompletionChunk> stream =
        client.chat().completions().createStreaming(params)) {
      stream.stream()
          .flatMap(chunk -> chunk.choices().stream())
          .forEach(choice -> {
            choice.delta().content().ifPresent(text::append);
            choice
                .delta()
                .toolCalls()
                .ifPresent(list ->
                    list.forEach(
                        call -> calls.add(call.function().orElseThrow().arguments().orElse(""))));
          });
    }
    assertThat(text.toString()).isEqualTo("well ");
    assertThat(String.join("", calls)).isEqualTo("{\"code\": \"1\"}");
  }

  @Test
  void aTextCompletion() {
    server.policy.says("b");
    var params = CompletionCreateParams.builder().model("scripted").prompt("a").echo(true).build();
    assertThat(client.completions().create(params).validate().choices().getFirst().text())
        .isEqualTo("ab");
  }

  @Test
  void aResponseAndOneThatGoesOnFromIt() {
    server.policy.says("four").says("eight");
    Response first =
        client
            .responses()
            .create(ResponseCreateParams.builder().model("scripted").input("2+2").build())
            .validate();
    assertThat(text(first)).isEqualTo("four");
    Response second =
        client
            .responses()
            .create(
                ResponseCreateParams.builder()
                    .model("scripted")
                    .previousResponseId(first.id())
                    .input("twice")
                    .build())
            .validate();
    assertThat(text(second)).isEqualTo("eight");
    int[] held = server.policy.requests.get(1).prompt().toArray();
    int[] before = server.policy.requests.getFirst().prompt().toArray();
    assertThat(held).startsWith(before);
    assertThat(client.responses().retrieve(first.id()).id()).isEqualTo(first.id());
    client.responses().delete(first.id());
    assertThatThrownBy(() -> client.responses().retrieve(first.id()))
        .isInstanceOf(NotFoundException.class);
  }

  private static String text(Response response) {
    return response.output().stream()
        .flatMap(item -> item.message().stream())
        .flatMap(message -> message.content().stream())
        .map(part -> part.asOutputText().text())
        .reduce("", String::concat);
  }

  @Test
  void aStreamedResponseHasItsEventsInOrder() {
    server.policy.says("hey");
    var params = ResponseCreateParams.builder().model("scripted").input("hi").build();
    List<ResponseStreamEvent> events = new ArrayList<>();
    try (StreamResponse<ResponseStreamEvent> stream = client.responses().createStreaming(params)) {
      stream.stream().forEach(event -> events.add(event.validate()));
    }
    assertThat(events.getFirst().isCreated()).isTrue();
    assertThat(events.getLast().isCompleted()).isTrue();
    assertThat(
            events.stream()
                .flatMap(event -> event.outputTextDelta().stream())
                .map(delta -> delta.delta())
                .reduce("", String::concat))
        .isEqualTo("hey");
    assertThat(text(events.getLast().asCompleted().response())).isEqualTo("hey");
  }

  @Test
  void errorsAreThoseTheClientKnows() {
    assertThat(client.models().list().data().getFirst().id()).isEqualTo("scripted");
    assertThatThrownBy(() -> client.models().retrieve("gpt-9"))
        .isInstanceOf(NotFoundException.class);
    assertThatThrownBy(() -> client.chat().completions().create(chat("x".repeat(300)).build()))
        .isInstanceOf(BadRequestException.class)
        .hasMessageContaining("317");
  }

  @Test
  void fieldsOfOursTravelAsExtraOnes() {
    server.policy.says("ab");
    ChatCompletion reply =
        client
            .chat()
            .completions()
            .create(
                chat("hi")
                    .putAllAdditionalBodyProperties(
                        Map.of("return_token_ids", JsonValue.from(true)))
                    .build());
    assertThat(reply.toString()).contains("token_ids=[98, 99, 0]");
  }
}
