package dev.turnstone.server.clients;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.agent.tool.P;
import dev.langchain4j.agent.tool.Tool;
import dev.langchain4j.model.openai.OpenAiChatModel;
import dev.langchain4j.service.AiServices;
import dev.turnstone.rollout.Policy;
import dev.turnstone.server.TestServer;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// An agent framework drives a whole tool loop against the server.
@Timeout(60)
final class LangChainAgentTest {
  interface Calculator {
    String ask(String question);
  }

  static final class Tools {
    @Tool("multiplies")
    int multiply(@P(name = "a", value = "one") int a, @P(name = "b", value = "other") int b) {
      return a * b;
    }
  }

  @Test
  void theAgentCallsItsToolAndAnswers(@TempDir Path data) throws InterruptedException {
    try (TestServer server = TestServer.start(data)) {
      server.policy.says("call multiply {\"a\": 6, \"b\": 7}").says("It is 42.");
      var model =
          OpenAiChatModel.builder()
              .baseUrl(server.url() + "/v1")
              .apiKey("any")
              .modelName("scripted")
              .maxTokens(40)
              .build();
      Calculator agent =
          AiServices.builder(Calculator.class).chatModel(model).tools(new Tools()).build();
      assertThat(agent.ask("6*7?")).isEqualTo("It is 42.");
      List<Policy.Request> requests = server.policy.requests;
      assertThat(requests).hasSize(2);
      assertThat(requests.getLast().prompt().size())
          .isGreaterThan(requests.getFirst().prompt().size());
    }
  }
}
