package dev.turnstone.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.turnstone.server.TestServer.Answer;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// What is wrong with a request is one sentence that names the field and its value.
@Timeout(30)
final class BadInputTest {
  private static TestServer server;

  @BeforeAll
  static void start(@TempDir Path data) throws InterruptedException {
    server = TestServer.start(data);
    server.post(
        "/v1/environments", json("{'environment':'qa','rewards':[{'kind':'exact_match'}]}"));
    server.post("/v1/runs", json("{'run':'r','environment':'qa','group_size':2}"));
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  private static String json(String single) {
    return single.replace('\'', '"');
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          /v1/chat/completions | {                                                                          | the body is not JSON
          /v1/chat/completions | []                                                                         | the body must be object, but is []
          /v1/chat/completions | {}                                                                         | the body lacks messages
          /v1/chat/completions | {'messages':[]}                                                            | messages must have at least 1 items
          /v1/chat/completions | {'messages':[{'content':'x'}]}                                             | messages[0] lacks role
          /v1/chat/completions | {'messages':[{'role':'robot','content':'x'}]}                              | messages[0].role must be one of
          /v1/chat/completions | {'messages':[{'role':'user'}]}                                             | messages[0] has no content
          /v1/chat/completions | {'messages':[{'role':'user','content':5}]}                                 | messages[0].content must be null or string or array, but is 5
          /v1/chat/completions | {'messages':[{'role':'user','content':[{'type':'image_url'}]}]}            | messages[0].content[0]
          /v1/chat/completions | {'messages':[{'role':'user','content':'refuse'}]}                          | the chat template refuses the messages: no refusals
          /v1/chat/completions | {'messages':[{'role':'assistant','tool_calls':[{'function':{'name':'f','arguments':'{'}}]}]} | messages[0].tool_calls[0].function.arguments is not JSON
          /v1/chat/completions | {'messages':[{'role':'assistant','tool_calls':[{'function':{'name':'f','arguments':'[]'}}]}]} | must be a JSON object
          /v1/chat/completions | {'messages':[{'role':'user','content':'x'}],'temperature':-1}              | temperature must have a minimum value of 0, but is -1
          /v1/chat/completions | {'messages':[{'role':'user','content':'x'}],'temperature':'hot'}           | temperature must be number or null, but is "hot"
          /v1/chat/completions | {'messages':[{'role':'user','content':'x'}],'max_tokens':0}                | max_tokens must have a minimum value of 1, but is 0
          /v1/chat/completions | {'messages':[{'role':'user','content':'x'}],'max_tokens':4294967296}       | max_tokens must have a maximum value
          /v1/chat/completions | {'messages':[{'role':'user','content':'x'}],'n':1.5}                       | n must be integer or null, but is 1.5
          /v1/chat/completions | {'messages':[{'role':'user','content':'x'}],'stop':['']}                   | stop[0] must be at least 1 characters long
          /v1/chat/completions | {'messages':[{'role':'user','content':'x'}],'stop':''}                     | stop must be at least 1 characters long, but is
          /v1/chat/completions | {'messages':[{'role':'user','content':'x'}],'seed':99999999999999999999}   | seed must have a maximum value
          /v1/chat/completions | {'messages':[{'role':'user','content':'x'}],'frequency_penalty':2.5} | frequency_penalty must have a maximum value of 2, but is 2.5
          /v1/chat/completions | {'messages':[{'role':'user','content':'x'}],'logit_bias':{'a':5}} | logit_bias has a key that is no token id: a
          /v1/chat/completions | {'messages':[{'role':'user','content':'x'}],'logprobs':true,'top_logprobs':21} | top_logprobs must have a maximum value of 20
          /v1/chat/completions | {'messages':[{'role':'user','content':'x'}],'top_logprobs':3} | top_logprobs needs logprobs: true
          /v1/chat/completions | {'messages':[{'role':'user','content':'x'}],'tool_choice':'required'}      | tool_choice required needs tools
          /v1/chat/completions | {'messages':[{'role':'user','content':'x'}],'response_format':{'type':'json_schema'}} | response_format.json_schema.schema must be a JSON Schema
          /v1/chat/completions | {'messages':[{'role':'user','content':'x'}],'stream':true,'prompt_logprobs':1} | prompt_logprobs cannot be streamed
          /v1/chat/completions | {'messages':[{'role':'user','content':'x'}],'guided_regex':'a','response_format':{'type':'json_object'}} | the text may have one constraint, but 2 are asked for
          /v1/chat/completions | {'messages':[{'role':'user','content':'x'}],'temperature':101} | temperature must have a maximum value of 2, but is 101
          /v1/chat/completions | {'messages':[{'role':'user','content':'x'}],'top_p':0} | top_p must have an exclusive minimum value of 0, but is 0
          /v1/chat/completions | {'messages':[{'role':'user','content':'x'}],'top_p':1.5} | top_p must have a maximum value of 1, but is 1.5
          /v1/chat/completions | {'messages':[{'role':'user','content':'x'}],'top_k':-2} | top_k must have a minimum value of -1, but is -2
          /v1/chat/completions | {'messages':[{'role':'user','content':'x'}],'top_k':1.5} | top_k must be integer or null, but is 1.5
          /v1/chat/completions | {'messages':[{'role':'user','content':'x'}],'min_p':-0.1} | min_p must have a minimum value of 0, but is -0.1
          /v1/chat/completions | {'messages':[{'role':'user','content':'x'}],'min_p':2} | min_p must have a maximum value of 1, but is 2
          /v1/chat/completions | {'messages':[{'role':'user','content':'x'}],'presence_penalty':-3} | presence_penalty must have a minimum value of -2, but is -3
          /v1/chat/completions | {'messages':[{'role':'user','content':'x'}],'repetition_penalty':0} | repetition_penalty must have a minimum value of 0.01, but is 0
          /v1/chat/completions | {'messages':[{'role':'user','content':'x'}],'repetition_penalty':1e9} | repetition_penalty must have a maximum value of 100, but is 1.0E9
          /v1/chat/completions | {'messages':[{'role':'user','content':'x'}],'logit_bias':{'5':'x'}} | logit_bias.5 must be number, but is "x"
          /v1/chat/completions | {'messages':[{'role':'user','content':'x'}],'allowed_token_ids':[-1]} | allowed_token_ids has no token id: -1
          /v1/chat/completions | {'messages':[{'role':'user','content':'x'}],'bad_words':'x'} | bad_words must be array or null, but is "x"
          /v1/chat/completions | {'messages':[{'role':'user','content':'x'}],'bad_words':['']} | bad_words[0] must be at least 1 characters long, but is ""
          /v1/chat/completions | {'messages':[{'role':'user','content':'x'}],'bad_words':[5]} | bad_words[0] must be string, but is 5
          /v1/chat/completions | {'messages':[{'role':'user','content':'x'}],'logprob_token_ids':[-7]} | logprob_token_ids[0] must have a minimum value of 0, but is -7
          /v1/chat/completions | {'messages':[{'role':'user','content':'x'}],'logprob_token_ids':[7]} | logprob_token_ids needs logprobs: true
          /v1/chat/completions | {'messages':[{'role':'user','content':'x'}],'min_tokens':-1} | min_tokens must have a minimum value of 0, but is -1
          /v1/chat/completions | {'messages':[{'role':'user','content':'x'}],'logprob_mode':'loud'} | logprob_mode must be one of null, "policy", "raw", "sampled", but is "loud"
          /v1/chat/completions | {'messages':[{'role':'user','content':'x'}],'n':0} | n must have a minimum value of 1, but is 0
          /v1/chat/completions | {'messages':[{'role':'user','content':'x'}],'n':129} | n must have a maximum value of 128, but is 129
          /v1/chat/completions | {'messages':[{'role':'user','content':'x'}],'stop_token_ids':[-1]} | stop_token_ids[0] must have a minimum value of 0, but is -1
          /v1/chat/completions | {'messages':[{'role':'user','content':'x'}],'ignore_eos':3} | ignore_eos must be boolean or null, but is 3
          /v1/chat/completions | {'messages':[{'role':'user','content':'x'}],'prompt_logprobs':-1} | prompt_logprobs must have a minimum value of 0, but is -1
          /v1/chat/completions | {'messages':[{'role':'user','content':'x'}],'bad_words':['a'],'allowed_token_ids':[5]} | bad_words and allowed_token_ids exclude each other
          /v1/chat/completions | {'messages':[{'role':'user','content':'x'}],'bad_words':['a'],'guided_regex':'b'} | bad_words and a constraint exclude each other
          /v1/chat/completions | {'messages':[{'role':'user','content':'x'}],'bad_words':[' ']} | bad_words has a word without letters
          /v1/chat/completions | {'messages':[{'role':'user','content':'x'}],'allowed_token_ids':[5],'stop_token_ids':[5],'min_tokens':2} | allowed_token_ids has only stop ids, but min_tokens is 2
          /v1/responses       | {'input':'x','min_p':7} | min_p must have a maximum value of 1, but is 7
          /v1/responses       | {'input':'x','logit_bias':[]} | logit_bias must be object or null, but is []
          /v1/chat/completions | {'messages':[{'role':'user','content':'x'}],'min_tokens':9,'max_tokens':5} | min_tokens 9 is above max_tokens 5
          /v1/completions     | {} | the body lacks prompt
          /v1/completions     | {'prompt':''} | prompt is empty
          /v1/completions     | {'prompt':[]} | prompt is empty
          /v1/completions     | {'prompt':[[]]} | prompt[0] is empty
          /v1/completions     | {'prompt':['a','']} | prompt[1] is empty
          /v1/completions     | {'prompt':[1,'a']} | prompt[1] must be a token id
          /v1/completions     | {'prompt':[1,-2]} | prompt[1] must be a token id
          /v1/completions     | {'prompt':[[1],{}]} | prompt[1] must be a list of token ids
          /v1/completions     | {'prompt':{}} | prompt must be string or array
          /v1/completions     | {'prompt':'a','max_tokens':0} | max_tokens 0 needs echo: true
          /v1/completions     | {'prompt':'a','echo':true,'logprobs':1,'stream':true} | echo with logprobs cannot be streamed
          /v1/completions     | {'prompt':'a','suffix':'b'} | suffix asks for a suffix
          /v1/completions     | {'prompt':'a','logprobs':21} | logprobs must have a maximum value of 20
          /tokenize           | {} | one of prompt, messages and content
          /tokenize           | {'prompt':'a','content':'b'} | one of prompt, messages and content
          /tokenize           | {'prompt':5} | prompt must be null or string or array
          /detokenize         | {} | the body lacks tokens
          /detokenize         | {'tokens':[-1]} | tokens[0] must be a token id, but is -1
          /detokenize         | {'tokens':[257]} | tokens[0] must be below 257, but is 257
          /v1/chat/completions | {'messages':[{'role':'user','content':'x'}],'stream_options':{}}           | stream_options needs stream: true
          /v1/chat/completions | {'messages':[{'role':'user','content':'x'}],'temperature':NaN}             | the body is not JSON
          /v1/chat/completions | {'messages':[{'role':'user','content':'x'}]} trailing                      | the body is not JSON
          /v1/runs            | {'environment':'qa','group_size':2}                        | the body lacks run
          /v1/runs            | {'run':'a b','environment':'qa','group_size':2}            | run
          /v1/runs            | {'run':'x','environment':'nowhere','group_size':2}         | environment nowhere is not registered
          /v1/runs            | {'run':'x','environment':'qa','group_size':1}              | group_size must have a minimum value of 2, but is 1
          /v1/runs            | {'run':'x','environment':'qa','group_size':2,'sampling':{'temperature':0}} | sampling.temperature
          /v1/runs            | {'run':'x','environment':'qa','group_size':2,'sampling':{'top_k':5}} | allow_truncated_sampling
          /v1/runs            | {'run':'x','environment':'qa','group_size':2,'limits':{'context_length':1000}} | context_length
          /v1/runs            | {'run':'x','environment':'qa','group_size':2,'stops':{'bored':'train'}} | bored
          /v1/runs            | {'run':'x','environment':'qa','group_size':2,'incomplete':{'policy':'hope'}} | incomplete.policy must be one of
          /v1/runs            | {'run':'r','environment':'qa','group_size':3}              | another body
          /v1/runs/r/groups   | {}                                                         | the body lacks
          /v1/runs/r/groups   | {'groups':[]}                                              | groups
          /v1/runs/r/groups   | {'group':'g','task':{'messages':[]}}                       | task.messages
          /v1/runs/r/groups   | {'group':'g','task':{'messages':[{'role':'user','content':'x'}]}} | answer
          /v1/environments    | {'environment':'e','tools':[{'kind':'magic'}]}             | tools[0]
          /v1/environments    | {'environment':'e','tools':[{'kind':'sandbox','name':'p','description':'d','url':'ftp://x'}]} | tools[0].url
          /v1/environments    | {'environment':'e','rewards':[{'kind':'vibes'}]}           | rewards[0].kind must be one of
          /v1/environments    | {'environment':'e','rewards':[{'kind':'json_equal','headers':{'':{'':{}}}}]} | rewards[0].headers
          /v1/weights         | {'lineage':'l','version':1,'uri':'/tmp'}                   | the body lacks manifest_sha256
          /v1/weights         | {'lineage':'l','version':-1,'uri':'/tmp','manifest_sha256':'x'} | version
          /v1/weights         | {'lineage':'l','version':1,'uri':'/tmp','manifest_sha256':'SHA'} | no configured root holds
          /v1/weights         | {'lineage':'l','version':1,'uri':'/no/such','manifest_sha256':'SHA'} | /no/such
          """)
  void aBadBodyIsRefusedWithOneSentence(String path, String body, String sentence) {
    Answer answer = server.post(path, json(body).replace("SHA", "0".repeat(64)));
    assertThat(answer.status()).as(answer.text()).isEqualTo(400);
    assertThat(answer.error()).contains(sentence).doesNotContain("\n").doesNotContain("Exception");
  }

  @Test
  void whatDoesNotExistIsNotFound() {
    for (String path :
        List.of(
            "/v1/runs/x",
            "/v1/runs/x/groups/g",
            "/v1/runs/x/rollouts/g/0",
            "/v1/runs/x/events",
            "/v1/runs/x/feed",
            "/v1/environments/x")) assertThat(server.get(path).status()).as(path).isEqualTo(404);
    assertThat(server.post("/v1/runs/x/end", "").status()).isEqualTo(404);
    assertThat(server.delete("/v1/runs/x").status()).isEqualTo(404);
  }
}
