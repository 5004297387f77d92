package dev.turnstone.envadapters.openapi;

import static com.github.tomakehurst.wiremock.client.WireMock.any;
import static com.github.tomakehurst.wiremock.client.WireMock.anyUrl;
import static com.github.tomakehurst.wiremock.client.WireMock.equalToJson;
import static com.github.tomakehurst.wiremock.client.WireMock.get;
import static com.github.tomakehurst.wiremock.client.WireMock.getRequestedFor;
import static com.github.tomakehurst.wiremock.client.WireMock.okJson;
import static com.github.tomakehurst.wiremock.client.WireMock.postRequestedFor;
import static com.github.tomakehurst.wiremock.client.WireMock.urlEqualTo;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.github.tomakehurst.wiremock.WireMockServer;
import com.github.tomakehurst.wiremock.core.WireMockConfiguration;
import dev.turnstone.envadapters.EnvironmentSpec;
import dev.turnstone.envadapters.Environments;
import dev.turnstone.envadapters.peer.ToolAddressPolicy;
import dev.turnstone.rollout.Environment;
import dev.turnstone.rollout.Json;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.Task;
import dev.turnstone.rollout.ToolCall;
import dev.turnstone.rollout.ToolSpec;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

final class OpenApiTest {
  private static final String DOCUMENT =
      """
      {"openapi":"3.0.3","paths":{
        "/users/{id}":{"parameters":[{"name":"id","in":"path","required":true,"schema":{"type":"string"}}],
          "get":{"operationId":"getUser","summary":"One user.","parameters":[
            {"$ref":"#/components/parameters/Verbose"}]}},
        "/users":{"post":{"requestBody":{"required":true,"content":{"application/json":{"schema":
          {"$ref":"#/components/schemas/User"}}}}}}},
       "components":{"parameters":{"Verbose":{"name":"verbose","in":"query","schema":{"type":"boolean"}}},
        "schemas":{"User":{"type":"object","required":["name"],"properties":{
          "name":{"type":"string"},"friend":{"$ref":"#/components/schemas/User"},
          "age":{"type":"integer","minimum":0,"exclusiveMinimum":true,"nullable":true}}}}}}
      """;

  private final WireMockServer http =
      new WireMockServer(WireMockConfiguration.options().dynamicPort().bindAddress("127.0.0.1"));
  private final Environments environments =
      new Environments(ToolAddressPolicy.of(List.of("127.0.0.1")), _ -> Optional.empty());

  @BeforeEach
  void start() {
    http.start();
    http.stubFor(any(anyUrl()).willReturn(okJson("{\"ok\":true}")));
    http.stubFor(get("/api/openapi.json").willReturn(okJson(DOCUMENT)));
  }

  @AfterEach
  void stop() {
    environments.close();
    http.stop();
  }

  @Test
  void operationsBecomeToolsWhoseArgumentsGoWhereTheDocumentSays() throws Exception {
    try (Environment.Session session = open("")) {
      assertThat(session.tools())
          .extracting(ToolSpec::name)
          .containsExactly("getUser", "post_users");
      call(session, "getUser", "{\"id\":\"../admin\",\"verbose\":true}");
      call(session, "post_users", "{\"name\":\"ada\",\"age\":36,\"friend\":{\"name\":\"bob\"}}");
      assertThat(call(session, "post_users", "{\"age\":0}"))
          .startsWith("Error: invalid arguments: ");
      assertThat(call(session, "post_users", "{\"name\":\"a\",\"friend\":{}}"))
          .startsWith("Error: invalid arguments: /friend");
    }
    http.verify(getRequestedFor(urlEqualTo("/api/users/..%2Fadmin?verbose=true")));
    http.verify(
        1,
        postRequestedFor(urlEqualTo("/api/users"))
            .withRequestBody(
                equalToJson("{\"name\":\"ada\",\"age\":36,\"friend\":{\"name\":\"bob\"}}")));
  }

  @Test
  void someOperationsMayBeChosenAndPrefixed() throws Exception {
    try (Environment.Session session = open("\"tools\":[\"getUser\"],\"prefix\":\"api_\",")) {
      assertThat(session.tools()).extracting(ToolSpec::name).containsExactly("api_getUser");
    }
    assertThatThrownBy(() -> open("\"tools\":[\"nope\"],"))
        .hasMessageContaining("has no operation nope");
  }

  @Test
  void aDocumentThatIsNoneIsOneSentence() {
    http.stubFor(get("/api/openapi.json").willReturn(okJson("<html>")));

    assertThatThrownBy(() -> open(""))
        .hasMessageContaining("document.openapi must begin with \"3.\"");
  }

  private static String call(Environment.Session session, String tool, String arguments)
      throws Exception {
    ToolCall call = new ToolCall("c", tool, new Json(arguments));
    return session.step(List.of(call)).results().getFirst().text();
  }

  private Environment.Session open(String fields) throws Exception {
    environments.remove("e");
    environments.register(
        EnvironmentSpec.parse(
            "{\"environment\":\"e\",\"tools\":[{\"kind\":\"openapi\",\"name\":\"a\",%s\"url\":\"%s/api\"}]}"
                .formatted(fields, http.baseUrl())));
    Task task = new Task("g", List.of(new Message.User("?")), "e", Json.EMPTY_OBJECT);
    return environments.lookup("e").orElseThrow().open(task, 1, Duration.ofSeconds(30));
  }
}
