package dev.turnstone.envadapters;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.turnstone.envadapters.peer.InvalidEnvironment;
import dev.turnstone.envadapters.peer.JsonText;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class EnvironmentSpecTest {
  private static final String FULL =
      """
      {"environment":"python","tools":[
        {"kind":"sandbox","name":"python","description":"Runs Python","url":"http://127.0.0.1:8001",
         "timeout_s":2.5,"max_output_tokens":2000,"keep":"tail","concurrency":4,"rate_per_s":2.5,"memory_limit_mb":256,
         "network":["pypi.org","*.pythonhosted.org","10.0.0.5:8080","[fd00::1]:80"]},
        {"kind":"http","name":"find","description":"Finds","url":"https://example.org/find",
         "method":"PUT","idempotent":true,"on_timeout":"tool_error",
         "parameters":{"type":"object","properties":{"q":{"type":"string"}},"required":["q"]},
         "headers":{"Authorization":{"env":"MY_TOKEN","prefix":"Bearer "},"X-Team":"a"}}],
       "rewards":[
        {"kind":"exact_match","weight":0.5,"field":"solution","normalize":"lower"},
        {"kind":"numeric","name":"close","abs_tolerance":0.01,"rel_tolerance":0.1},
        {"kind":"http","url":"https://example.org/score","timeout_s":60,"idempotent":false},
        {"kind":"regex","name":"boxed","pattern":"boxed\\\\{(.*?)\\\\}","field":"answer"},
        {"kind":"regex","name":"polite","pattern":"please"},{"kind":"json_equal"},
        {"kind":"code_tests","url":"http://127.0.0.1:8001","partial":true},
        {"kind":"judge","url":"https://api.example.org/v1","model":"m","rubric":"Is it kind?",
         "field":"answer","headers":{"Authorization":{"env":"MY_TOKEN","prefix":"Bearer "}}},
        {"kind":"steps"},{"kind":"environment"}]}
      """;

  private static final String SOURCES =
      """
      {"environment":"many","tools":[
        {"kind":"mcp","name":"files","url":"https://example.org/mcp","tools":["read"],"prefix":"fs_"},
        {"kind":"mcp","name":"old","url":"https://example.org/sse","transport":"sse"},
        {"kind":"openapi","name":"api","url":"https://example.org/api","document":{"openapi":"3.1.0"}},
        {"kind":"openapi","name":"api2","url":"https://example.org/api","document_url":"openapi.yaml"},
        {"kind":"openenv","name":"echo","url":"https://example.org","tool":"say"},
        {"kind":"nemo_gym","name":"gym","url":"https://example.org","style":"gymnasium"}]}
      """;

  @Test
  void whatIsWrittenOutIsReadBackAsTheSameSpec() {
    EnvironmentSpec spec = EnvironmentSpec.parse(FULL);

    assertThat(EnvironmentSpec.parse(spec.toJson())).isEqualTo(spec);
    assertThat(EnvironmentSpec.parse(spec.toJson().toString())).isEqualTo(spec);
    assertThat(spec.toJson().at("/tools/1/headers").toString())
        .isEqualTo(
            "{\"Authorization\":{\"env\":\"MY_TOKEN\",\"prefix\":\"Bearer \"},\"X-Team\":\"a\"}");
    EnvironmentSpec sources = EnvironmentSpec.parse(SOURCES);
    assertThat(EnvironmentSpec.parse(sources.toJson())).isEqualTo(sources);
  }

  @Test
  void commandsAndFilesComeFromTheOperatorOnly() throws Exception {
    String command =
        """
        {"environment":"e","tools":[{"kind":"mcp","name":"m","command":["node","server.js"],
         "env":{"TOKEN":{"file":"/run/secrets/token"}},"read_only":["/opt/server"],"network":true}]}
        """;

    assertThatThrownBy(() -> EnvironmentSpec.parse(command))
        .hasMessageStartingWith("tools[0].command is taken from the operator's configuration only");
    EnvironmentSpec spec = EnvironmentSpec.ofOperator(JsonText.read(command));
    assertThat(EnvironmentSpec.ofOperator(spec.toJson())).isEqualTo(spec);
    assertThatThrownBy(() ->
            withTool(
                "{'kind':'http','name':'t','description':'d','url':'http://h',"
                    + "'headers':{'A':{'file':'/etc/shadow'}}}"))
        .hasMessageStartingWith("tools[0].headers.A.file is taken from the operator's");
  }

  @Test
  void defaultsAreWrittenOut() {
    EnvironmentSpec spec =
        EnvironmentSpec.parse(
            """
            {"environment":"e","from_the_future":1,"tools":[
              {"kind":"http","name":"t","description":"d","url":"https://example.org/","color":"red"}],
             "rewards":[{"kind":"numeric","weight":null}]}
            """);

    assertThat(spec.toJson().toString())
        .isEqualTo(
            """
            {"environment":"e","tools":[{"kind":"http","name":"t","description":"d",\
            "url":"https://example.org/","timeout_s":10.0,"method":"POST",\
            "parameters":{"type":"object","properties":{}},"on_timeout":"environment_lost",\
            "idempotent":false,"parallel":false,"concurrency":0,"rate_per_s":0.0,\
            "max_output_tokens":1024,"keep":"middle"}],"rewards":[{"kind":"numeric","name":"numeric",\
            "weight":1.0,"field":"answer","abs_tolerance":1.0E-6,"rel_tolerance":0.0}]}\
            """);
  }

  @Test
  void bodiesThatMeanTheSameAreEqual() {
    String brief = "{'kind':'sandbox','name':'p','description':'d','url':'http://h'}";
    String wordy = brief.replace("}", ",'timeout_s':10,'language':'python','color':'red'}");
    String other = brief.replace("}", ",'timeout_s':11}");

    assertThat(withTool(brief)).isEqualTo(withTool(wordy)).isNotEqualTo(withTool(other));
    assertThat(withTool(brief).tools().getFirst().place().orElseThrow().timeout())
        .isEqualTo(Duration.ofSeconds(10));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "[]                          | body must be a JSON object, was []",
        "{                           | body is not JSON: Unexpected end-of-input",
        "{}                          | environment is missing",
        "{'environment':7}           | environment must be a non-empty string, was 7",
        "{'environment':'../x'}      | environment must match",
        "{'environment':'e','tools':{}}      | tools must be an array, was {}",
        "{'environment':'e','tools':[1]}     | tools[0] must be a JSON object, was 1",
        "{'environment':'e','tools':[{}]}    | tools[0].kind is missing",
        "{'environment':'e','rewards':[{'kind':'vibes'}]} | rewards[0].kind must be exact_match, numeric, regex, json_equal, code_tests, http, judge, steps or environment, was `vibes`",
        "{'environment':'e','rewards':[{'kind':'numeric'},{'kind':'numeric'}]} | rewards[1].name must differ from that of rewards[0], was `numeric`",
        "{'environment':'e','rewards':[{'kind':'numeric','weight':1e400}]} | rewards[0].weight must be a number from -1000000 to 1000000, was 1E+400",
        "{'environment':'e','rewards':[{'kind':'exact_match','normalize':'upper'}]} | rewards[0].normalize must be one of none, strip, lower, was `upper`",
      })
  void aBadBodyIsOneSentence(String body, String why) {
    assertThatThrownBy(() -> EnvironmentSpec.parse(body.replace('\'', '"')))
        .isInstanceOf(InvalidEnvironment.class)
        .hasMessageStartingWith(why.replace('`', '"'))
        .hasMessageNotContaining("\n");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "'name':'a b'           | name must match [A-Za-z0-9_-]{1,64}, was ~a b~",
        "'description':''       | description must be a non-empty string, was ~~",
        "'timeout_s':0          | timeout_s must be a number from 0.001 to 3600, was 0",
        "'timeout_s':'9'        | timeout_s must be a number from 0.001 to 3600, was ~9~",
        "'max_output_tokens':1.5 | max_output_tokens must be a whole number, was 1.5",
        "'keep':'both'          | keep must be one of head, middle, tail, was ~both~",
        "'concurrency':-1       | concurrency must be a number from 0 to 1000000, was -1",
        "'method':'HEAD'        | method must be one of POST, PUT, PATCH, GET, DELETE, was ~HEAD~",
        "'idempotent':'yes'     | idempotent must be true or false, was ~yes~",
        "'on_timeout':'retry'   | on_timeout must be one of environment_lost, tool_error, was ~retry~",
        "'url':'ftp://h'        | url must be an http or https URL",
        "'url':'http://u:pw@h'  | url must not hold a user or password",
        "'url':'http://h/#f'    | url must not have a fragment, was ~http://h/#f~",
        "'parameters':[]        | parameters.type must be ~object~, was ",
        "'parameters':{'type':'string'} | parameters.type must be ~object~, was ~string~",
        "'parameters':{'type':'object','properties':{'q':{'type':'strin'}}} | parameters is not a JSON Schema: /properties/q/type",
        "'parameters':{'type':'object','properties':{'q':{'pattern':'('}}} | parameters is not a JSON Schema: ",
        "'parameters':{'type':'object','properties':{'q':{'$ref':'http://h/s'}}} | parameters.$ref must stay within the schema (#…), was ~http://h/s~",
        "'parameters':{'type':'object','properties':{'q':{'$ref':'file:///etc/passwd'}}} | parameters.$ref must stay within the schema (#…)",
        "'parameters':{'type':'object','$ref':'#/$defs/none'} | parameters is not a JSON Schema: ",
        "'parameters':{'type':'object','$schema':'http://h/s'} | parameters.$schema must be ~https://json-schema.org/draft/2020-12/schema~",
        "'headers':[]           | headers must be a JSON object",
        "'headers':{'Host':'h'} | headers.Host is set by the server itself",
        "'headers':{'X Y':'h'}  | headers.X Y is not a header name",
        "'headers':{'A':'é'}    | headers.A must be printable ASCII",
        "'headers':{'authorization':'Bearer pw'}     | headers.authorization must name an environment variable",
        "'headers':{'X-Api-Key':'pw'}                | headers.X-Api-Key must name an environment variable",
        "'headers':{'A':{'env':'TURNSTONE_API_KEY'}} | headers.A.env must not be a variable of the server itself",
        "'headers':{'A':{'env':'A B'}}               | headers.A.env must match",
      })
  void aBadFieldOfAToolIsNamedWithItsValue(String field, String why) {
    String tool =
        "{'kind':'http','name':'t','description':'d','url':'http://h',%s}".formatted(field);

    assertThatThrownBy(() -> withTool(tool))
        .isInstanceOf(InvalidEnvironment.class)
        .hasMessageStartingWith("tools[0]." + why.replace('~', '"'))
        .hasMessageNotContaining("pw")
        .hasMessageNotContaining("\n");
  }

  private static EnvironmentSpec withTool(String tool) {
    return EnvironmentSpec.parse(
        "{'environment':'e','tools':[%s]}".formatted(tool).replace('\'', '"'));
  }
}
