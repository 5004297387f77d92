package dev.turnstone.server.responses;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import dev.turnstone.server.TestServer;
import dev.turnstone.server.TestServer.Answer;
import dev.turnstone.server.http.Wire;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Timeout(30)
final class ResponsesTest {
  private TestServer server;

  @BeforeEach
  void start(@TempDir Path data) throws InterruptedException {
    server = TestServer.start(data);
  }

  @AfterEach
  void stop() {
    server.close();
  }

  private Answer post(String path, String single) {
    return server.post(path, single.replace('\'', '"'));
  }

  private JsonNode respond(String single) {
    return post("/v1/responses", single).json();
  }

  @Test
  void everyFieldOfTheContractIsThere() throws Exception {
    server.policy.says("ok");
    JsonNode response = respond("{'input':'x','metadata':{'a':'b'},'max_output_tokens':2}");
    JsonNode contract = new YAMLMapper().readTree(server.get("/openapi.yaml").text());
    JsonNode required = contract.at("/components/schemas/Response/required");
    assertThat(required).hasSize(31);
    for (JsonNode field : required)
      assertThat(response.has(field.asText())).as(field.asText()).isTrue();
    assertThat(response.at("/metadata/a").asText()).isEqualTo("b");
    assertThat(response.get("status").asText()).isEqualTo("incomplete");
    assertThat(response.at("/incomplete_details/reason").asText()).isEqualTo("max_output_tokens");
    assertThat(response.at("/output/0/status").asText()).isEqualTo("incomplete");
  }

  @Test
  void theItemThatAStreamCutOffIsIncompleteToo() throws Exception {
    server.policy.says("ok");
    String body = "{\"input\":\"x\",\"max_output_tokens\":2,\"stream\":true}";
    JsonNode done =
        server
            .post("/v1/responses", body)
            .text()
            .lines()
            .filter(line -> line.startsWith("data: ") && line.contains("output_item.done"))
            .map(line -> Wire.parse(line.substring(6)))
            .findFirst()
            .orElseThrow();
    assertThat(done.at("/item/status").asText()).isEqualTo("incomplete");
  }

  @Test
  void aCallIsAnItemAndItsOutputAnother() {
    server.policy.says("so call python {\"a\": 1}").says("done");
    String tools = "'tools':[{'type':'function','name':'python','parameters':{'type':'object'}}]";
    JsonNode first = respond("{'input':'x'," + tools + "}");
    assertThat(first.at("/output/0/content/0/text").asText()).isEqualTo("so ");
    JsonNode call = first.at("/output/1");
    assertThat(call.get("type").asText()).isEqualTo("function_call");
    assertThat(call.get("arguments").asText()).isEqualTo("{\"a\": 1}");
    JsonNode second =
        respond(
            "{'previous_response_id':'%s',%s,'input':[{'type':'function_call_output','call_id':'%s','output':'7'}]}"
                .formatted(first.get("id").asText(), tools, call.get("call_id").asText()));
    assertThat(second.at("/output/0/content/0/text").asText()).isEqualTo("done");
    int[] held = server.policy.requests.getFirst().prompt().toArray();
    assertThat(server.policy.requests.getLast().prompt().toArray()).startsWith(held);
    JsonNode items =
        server.get("/v1/responses/" + second.get("id").asText() + "/input_items").json();
    assertThat(items.at("/data/0/type").asText()).isEqualTo("function_call_output");
  }

  @Test
  void aResponseInTheBackgroundCanBeCancelled() throws InterruptedException {
    server.policy.hangsAfter("so far");
    JsonNode queued = respond("{'input':'x','background':true}");
    assertThat(queued.get("status").asText()).isEqualTo("queued");
    String path = "/v1/responses/" + queued.get("id").asText();
    assertThat(server.policy.silent.await(5, TimeUnit.SECONDS)).isTrue();
    assertThat(server.get(path).json().get("status").asText()).isEqualTo("in_progress");
    assertThat(post(path + "/cancel", "").json().get("status").asText()).isEqualTo("cancelled");
    assertThat(server.policy.aborted.await(5, TimeUnit.SECONDS)).isTrue();
  }

  @Test
  void aResponseInTheBackgroundThatIsRefusedHasFailed() {
    server.policy.refuses("no such schema here");
    String id = respond("{'input':'x','background':true}").get("id").asText();
    JsonNode failed =
        Stream.generate(() -> server.get("/v1/responses/" + id).json())
            .dropWhile(response -> response.get("status").asText().equals("in_progress"))
            .findFirst()
            .orElseThrow();
    assertThat(failed.get("status").asText()).isEqualTo("failed");
    assertThat(failed.at("/error/code").asText()).isEqualTo("invalid_prompt");
    assertThat(failed.at("/error/message").asText()).isEqualTo("no such schema here");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          /v1/responses | {}                                                              | the body lacks input
          /v1/responses | {'input':[]}                                                    | input is empty
          /v1/responses | {'input':[{'type':'image_generation_call'}]}                    | input[0] has the type image_generation_call
          /v1/responses | {'input':[{'role':'user','content':[{'type':'input_image'}]}]}  | the policy reads text only
          /v1/responses | {'input':[{'role':'robot','content':'x'}]}                      | input[0].role must be
          /v1/responses | {'input':[{'role':'user'}]}                                     | input[0].content must be text
          /v1/responses | {'input':[{'type':'function_call','arguments':'{}'}]}           | input[0] has no name
          /v1/responses | {'input':[{'type':'function_call','name':'f','arguments':'['}]} | input[0].arguments is not JSON
          /v1/responses | {'input':'x','tools':[{'type':'web_search'}]}                   | tools[0].type asks for web_search
          /v1/responses | {'input':'x','tool_choice':'required'}                          | tool_choice required needs tools
          /v1/responses | {'input':'x','truncation':'auto'}                               | truncation asks for
          /v1/responses | {'input':'x','background':true,'store':false}                   | background needs store: true
          /v1/responses | {'input':'x','background':true,'stream':true}                   | cannot be streamed
          /v1/responses | {'input':'x','text':{'format':{'type':'json_schema'}}}          | must be a JSON Schema
          /v1/messages  | {'max_tokens':5}                                                | the body lacks messages
          /v1/messages  | {'messages':[{'role':'user','content':'x'}]}                    | the body lacks max_tokens
          /v1/messages  | {'max_tokens':5,'messages':[{'role':'user','content':[{'type':'image'}]}]} | messages[0].content[0] has the type image
          /v1/messages  | {'max_tokens':5,'messages':[{'role':'user','content':'x'}],'tools':[{'type':'bash_20250124','name':'bash'}]} | tools[0].type asks for bash_20250124
          /v1/messages  | {'max_tokens':5,'messages':[{'role':'assistant','content':[{'type':'tool_use','id':'1','name':'f','input':[]}]}]} | input must be an object
          """)
  void aBadBodyIsRefusedWithOneSentence(String path, String body, String sentence) {
    Answer answer = post(path, body);
    assertThat(answer.status()).as(answer.text()).isEqualTo(400);
    assertThat(answer.json().at("/error/message").asText()).contains(sentence);
  }

  @Test
  void whatIsNotStoredCannotBeGoneOnFrom() {
    server.policy.says("a");
    String id = respond("{'input':'x','store':false}").get("id").asText();
    assertThat(server.get("/v1/responses/" + id).status()).isEqualTo(404);
    Answer answer = post("/v1/responses", "{'input':'y','previous_response_id':'" + id + "'}");
    assertThat(answer.status()).isEqualTo(404);
    assertThat(server.delete("/v1/responses/" + id).status()).isEqualTo(404);
  }
}
