package dev.turnstone.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.server.TestServer.Answer;
import dev.turnstone.server.http.Wire;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// A call that a client forces is made, whatever the policy would say, on every route for agents.
@Timeout(60)
final class ForcedCallsTest {
  private static final String SCHEMA =
      "{'type':'object','properties':{'n':{'type':'integer','minimum':3,'maximum':9}},"
          + "'required':['n'],'additionalProperties':false}";

  @TempDir private static Path data;
  private static TestServer server;

  @BeforeAll
  static void start() throws InterruptedException {
    server = TestServer.with(Path.of("..", "models", "tiny"), data);
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  private static Answer post(String path, String single) {
    return server.post(
        path, single.replace('\'', '"').replace("SCHEMA", SCHEMA.replace('\'', '"')));
  }

  private static void fits(String arguments) {
    int n = Wire.parse(arguments).get("n").asInt();
    assertThat(n).isBetween(3, 9);
    assertThat(Wire.parse(arguments)).hasSize(1);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {"'required' | true", "{'type':'function','function':{'name':'f'}} | false"})
  void chatCallsATool(String choice, boolean parallel) {
    Answer answer =
        post(
            "/v1/chat/completions",
            "{'messages':[{'role':'user','content':'Say hello.'}],'temperature':1.5,'seed':7,"
                + "'tools':[{'type':'function','function':{'name':'f','parameters':SCHEMA}},"
                + "{'type':'function','function':{'name':'g','parameters':SCHEMA}}],'parallel_tool_calls':"
                + parallel
                + ",'tool_choice':"
                + choice
                + "}");
    assertThat(answer.status()).as(answer.text()).isEqualTo(200);
    JsonNode calls = answer.json().at("/choices/0/message/tool_calls");
    // The policy had no choice when it was told which: OpenAI and vLLM call that a stop.
    assertThat(answer.json().at("/choices/0/finish_reason").asText())
        .isEqualTo(choice.startsWith("{") ? "stop" : "tool_calls");
    assertThat(answer.json().at("/choices/0/message/content").asText("none")).isEmpty();
    for (JsonNode call : calls) fits(call.at("/function/arguments").asText());
    if (!parallel) {
      assertThat(calls).hasSize(1);
      assertThat(calls.at("/0/function/name").asText()).isEqualTo("f");
    }
  }

  @Test
  void argumentsStreamWhileTheyAreSampled() {
    Answer answer =
        post(
            "/v1/chat/completions",
            "{'messages':[{'role':'user','content':'Say hello.'}],'temperature':1.0,'seed':7,"
                + "'stream':true,'parallel_tool_calls':false,'tool_choice':'required','tools':[{'type':"
                + "'function','function':{'name':'f','parameters':{'type':'object','properties':{'n':"
                + "{'type':'array','items':{'type':'integer','minimum':3,'maximum':9},'minItems':20,"
                + "'maxItems':20}},'required':['n'],'additionalProperties':false}}}]}");
    assertThat(answer.status()).as(answer.text()).isEqualTo(200);
    StringBuilder arguments = new StringBuilder();
    int fragments = 0;
    int names = 0;
    for (String line : answer.text().split("\n", -1)) {
      if (!line.startsWith("data: {")) continue;
      JsonNode function =
          Wire.parse(line.substring(6)).at("/choices/0/delta/tool_calls/0/function");
      if (function.has("name")) names++;
      if (!function.path("arguments").asText("").isEmpty()) fragments++;
      arguments.append(function.path("arguments").asText(""));
    }
    assertThat(names).isEqualTo(1);
    assertThat(fragments).isGreaterThan(5);
    assertThat(Wire.parse(arguments.toString()).get("n")).hasSize(20);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {"'required'", "{'type':'function','name':'f'}"})
  void aResponseCallsATool(String choice) {
    Answer answer =
        post(
            "/v1/responses",
            "{'input':'Say hello.','temperature':1.5,'seed':7,'parallel_tool_calls':false,"
                + "'tools':[{'type':'function','name':'f','parameters':SCHEMA}],'tool_choice':"
                + choice
                + "}");
    assertThat(answer.status()).as(answer.text()).isEqualTo(200);
    JsonNode output = answer.json().get("output");
    assertThat(output).hasSize(1);
    assertThat(output.at("/0/type").asText()).isEqualTo("function_call");
    fits(output.at("/0/arguments").asText());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {"{'type':'any'}", "{'type':'tool','name':'f'}"})
  void aMessageCallsATool(String choice) {
    Answer answer =
        post(
            "/v1/messages",
            "{'messages':[{'role':'user','content':'Say"
                + " hello.'}],'temperature':1.5,'max_tokens':500,"
                + "'tools':[{'name':'f','input_schema':SCHEMA}],'tool_choice':"
                + choice.replace("}", ",'disable_parallel_tool_use':true}")
                + "}");
    assertThat(answer.status()).as(answer.text()).isEqualTo(200);
    assertThat(answer.json().get("stop_reason").asText()).isEqualTo("tool_use");
    JsonNode content = answer.json().get("content");
    assertThat(content).hasSize(1);
    fits(content.at("/0/input").toString());
  }

  @Test
  void aToolThatIsNotThereIsNamedOnEveryRoute() {
    for (String[] each :
        new String[][] {
          {
            "/v1/responses",
            "{'input':'x','tools':[{'type':'function','name':'f','parameters':{}}],'tool_choice':{'type':'function','name':'h'}}"
          },
          {
            "/v1/messages",
            "{'messages':[{'role':'user','content':'x'}],'max_tokens':5,'tools':[{'name':'f','input_schema':{}}],'tool_choice':{'type':'tool','name':'h'}}"
          },
          {
            "/v1/chat/completions",
            "{'messages':[{'role':'user','content':'x'}],'tools':[{'type':'function','function':{'name':'f'}}],'tool_choice':{'type':'function','function':{'name':'h'}}}"
          }
        }) {
      Answer answer = post(each[0], each[1]);
      assertThat(answer.status()).as(answer.text()).isEqualTo(400);
      assertThat(answer.json().at("/error/message").asText())
          .isEqualTo("tool_choice names the tool h, which is not among the tools");
    }
  }
}
