package dev.turnstone.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.server.TestServer.Answer;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Every field of a chat completion that says how its conversation is rendered, over HTTP and
/// against a real tokenizer and template: what the policy then reads.
@Timeout(60)
final class RenderingFieldsTest {
  private static final Path TINY = Path.of("..", "models", "tiny");
  private static final String BEGUN =
      "[{'role':'user','content':'1+1?'},{'role':'assistant','content':'It is'}]";

  @TempDir private static Path data;
  private static TestServer server;

  @BeforeAll
  static void start() throws Exception {
    server = TestServer.with(TINY, data);
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  private static Answer chat(String messages, String fields) {
    String body =
        "{'messages':%s,'max_tokens':3,'ignore_eos':true,'temperature':0,'return_token_ids':true%s}"
            .formatted(messages, fields.isEmpty() ? "" : "," + fields);
    return server.chat(body.replace('\'', '"'));
  }

  /// What the policy read.
  private static String prompt(String fields) {
    Answer answer = chat(BEGUN, fields);
    assertThat(answer.status()).as(answer.text()).isEqualTo(200);
    JsonNode ids = answer.json().get("prompt_token_ids");
    return server.post("/detokenize", "{\"tokens\":" + ids + "}").json().get("prompt").asText();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          `` | USER ASSISTANT;assistant;
          'add_generation_prompt':true | USER ASSISTANT;assistant;
          'add_generation_prompt':false | USER ASSISTANT
          'continue_final_message':true | USER;assistant;It is
          'continue_final_message':true,'add_generation_prompt':false | USER;assistant;It is
          'continue_final_message':false | USER ASSISTANT;assistant;
          'chat_template':'{{ messages[0].content }}' | 1+1?
          'chat_template':'a{% if add_generation_prompt %}b{% endif %}' | ab
          'chat_template':'a{% if add_generation_prompt %}b{% endif %}','add_generation_prompt':false | a
          'chat_template':'{{ x }}{{ y }}','chat_template_kwargs':{'x':7,'y':'z'} | 7z
          'chat_template':'{{ reasoning_effort }} {{ enable_thinking }}','reasoning_effort':'high' | high True
          'chat_template':'{{ reasoning_effort }} {{ enable_thinking }}','reasoning_effort':'none' | none False
          'chat_template':'{{ enable_thinking }}','reasoning_effort':'none','chat_template_kwargs':{'enable_thinking':true} | True
          'chat_template':'{{ documents[0].title }}','documents':[{'title':'T','text':'t'}] | T
          """)
  void aFieldChangesWhatThePolicyReads(String fields, String expected) {
    String turns =
        expected
            .replace("USER ASSISTANT", "USER;assistant;It is<|im_end|>;")
            .replace("USER", "<|im_start|>user;1+1?<|im_end|>")
            .replace(";assistant;", ";<|im_start|>assistant;")
            .replace("<|im_end|>;;", "<|im_end|>;")
            .replace(';', '\n');
    assertThat(prompt(fields).strip()).isEqualTo(turns.strip());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          'continue_final_message':true,'add_generation_prompt':true | exclude each other
          'continue_final_message':'yes' | must be boolean
          'add_generation_prompt':1 | must be boolean
          'chat_template':7 | must be string
          'chat_template':'{% if %}' | template
          'chat_template':'{% nosuchtag %}' | nosuchtag
          'chat_template_kwargs':[] | must be object
          'chat_template_kwargs':{'messages':[]} | may not have messages
          'reasoning_effort':'enormous' | enormous
          """)
  void whatCannotBeRenderedIsRefused(String fields, String why) {
    Answer answer = chat(BEGUN, fields);
    assertThat(answer.status()).as(answer.text()).isEqualTo(400);
    assertThat(answer.error()).contains(why);
  }

  @Test
  void onlyAnAssistantsTextIsContinued() {
    Answer answer = chat("[{'role':'user','content':'1+1?'}]", "'continue_final_message':true");
    assertThat(answer.status()).isEqualTo(400);
    assertThat(answer.error()).contains("needs a last message of the assistant");
  }

  @Test
  void anEchoBeginsWithWhatIsContinuedAndIsNotSampled() {
    String continued = "'continue_final_message':true";
    JsonNode plain = chat(BEGUN, continued).json().at("/choices/0");
    JsonNode echoed = chat(BEGUN, continued + ",'echo':true").json().at("/choices/0");
    assertThat(echoed.at("/message/content").asText())
        .isEqualTo("It is" + plain.at("/message/content").asText());
    assertThat(echoed.get("token_ids")).isEqualTo(plain.get("token_ids")).hasSize(3);
    StringBuilder text = new StringBuilder();
    for (String event : chat(BEGUN, continued + ",'echo':true,'stream':true").events())
      if (!event.equals("[DONE]"))
        text.append(TestServer.json(event).at("/choices/0/delta/content").asText(""));
    assertThat(text.toString()).isEqualTo(echoed.at("/message/content").asText());
  }
}
