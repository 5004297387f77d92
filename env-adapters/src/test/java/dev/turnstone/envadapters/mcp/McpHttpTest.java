package dev.turnstone.envadapters.mcp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.envadapters.EnvironmentSpec;
import dev.turnstone.envadapters.Environments;
import dev.turnstone.envadapters.peer.ToolAddressPolicy;
import dev.turnstone.rollout.Environment;
import dev.turnstone.rollout.Environment.EnvironmentLost;
import dev.turnstone.rollout.Json;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.Observation.Result;
import dev.turnstone.rollout.Task;
import dev.turnstone.rollout.ToolCall;
import dev.turnstone.rollout.ToolSpec;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Sessions over streamable HTTP with a server that behaves as each test says.
@Timeout(60)
final class McpHttpTest {
  private final StubServer server;
  private final Environments environments =
      new Environments(ToolAddressPolicy.of(List.of("127.0.0.1")), _ -> Optional.empty());

  McpHttpTest() throws IOException {
    server = new StubServer();
  }

  @AfterEach
  void close() {
    environments.close();
    server.close();
  }

  @Test
  void aRolloutHasOneSessionWhichItEnds() throws Exception {
    try (Environment.Session session = open("")) {
      assertThat(session.tools()).extracting(ToolSpec::name).containsExactly("do_it");
      assertThat(call(session)).isInstanceOf(Result.Ok.class).returns("fine", Result::text);
    }

    assertThat(server.methods())
        .containsExactly("initialize", "notifications/initialized", "tools/list", "tools/call");
    assertThat(server.requests).endsWith("DELETE s-1");
    assertThat(server.requests.subList(1, server.requests.size())).allMatch(r -> r.endsWith("s-1"));
  }

  @Test
  void aForgottenSessionIsLostAndNeverBegunAnew() throws Exception {
    server.onCall((_, exchange) -> StubServer.send(exchange, 404, "", ""));
    try (Environment.Session session = open("")) {
      assertThatThrownBy(() -> call(session))
          .isInstanceOf(EnvironmentLost.class)
          .hasMessageEndingWith("has forgotten the session");
    }
    assertThat(server.methods()).containsOnlyOnce("initialize");
  }

  @Test
  void aBadRequestIsNoReasonToBeginAnewEither() throws Exception {
    server.onCall((_, exchange) -> StubServer.send(exchange, 400, "text/plain", "no"));
    try (Environment.Session session = open("")) {
      assertThatThrownBy(() -> call(session)).hasMessageContaining("answered 400: no");
    }
    assertThat(server.methods()).containsOnlyOnce("initialize");
  }

  @Test
  void aCallThatTakesTooLongIsCancelledAndTheSessionGoesOn() throws Exception {
    CountDownLatch cancelled = new CountDownLatch(1);
    server.onCall((message, exchange) -> {
      if (server.methods().stream().filter("tools/call"::equals).count() > 1)
        StubServer.text(exchange, message, "again");
      else if (cancelled.await(30, TimeUnit.SECONDS)) StubServer.text(exchange, message, "late");
    });
    try (Environment.Session session = open("'timeout_s':0.3,'on_timeout':'tool_error',")) {
      assertThat(call(session))
          .isInstanceOf(Result.Failed.class)
          .returns("Error: timed out after 0.3 s", Result::text);
      cancelled.countDown();
      assertThat(call(session).text()).isEqualTo("again");
    }
    JsonNode first = message("tools/call");
    assertThat(message("notifications/cancelled").at("/params/requestId"))
        .isEqualTo(first.path("id"));
  }

  @Test
  void aStreamThatEndsEarlyIsGoneOnWith() throws Exception {
    server.onCall((message, exchange) -> {
      server.paths.put(
          "GET",
          (_, get) ->
              StubServer.send(
                  get,
                  200,
                  "text/event-stream",
                  "id: 8\ndata: "
                      + StubServer.response(message, StubServer.result("resumed"))
                      + "\n\n"));
      StubServer.send(exchange, 200, "text/event-stream", "id: 7\nretry: 20\ndata:\n\n");
    });
    try (Environment.Session session = open("")) {
      assertThat(call(session).text()).isEqualTo("resumed");
    }
    assertThat(server.requests).contains("GET s-1 after 7");
  }

  @Test
  void aStreamMayBringNotificationsAndQuestionsBeforeTheAnswer() throws Exception {
    server.onCall((message, exchange) ->
        StubServer.send(
            exchange,
            200,
            "text/event-stream",
            """
            data: {"jsonrpc":"2.0","method":"notifications/progress","params":{}}

            data: {"jsonrpc":"2.0","id":"q","method":"elicitation/create","params":{"message":"?","requestedSchema":{"type":"object","properties":{"a":{"type":"string","default":"x"}},"required":["a"]}}}

            data: %s

            """
                .formatted(StubServer.response(message, StubServer.result("done")))));
    try (Environment.Session session = open("")) {
      assertThat(call(session).text()).isEqualTo("done");
    }
    JsonNode answer =
        server.messages.stream()
            .filter(m -> m.path("id").asText().equals("q"))
            .findFirst()
            .orElseThrow();
    assertThat(answer.at("/result").toString())
        .isEqualTo("{\"action\":\"accept\",\"content\":{\"a\":\"x\"}}");
  }

  @Test
  void aServerMayAskOnAStreamOfItsOwn() throws Exception {
    CountDownLatch answered = new CountDownLatch(1);
    server.paths.put(
        "GET",
        (_, exchange) -> {
          StubServer.send(
              exchange,
              200,
              "text/event-stream",
              "data: {\"jsonrpc\":\"2.0\",\"id\":\"p\",\"method\":\"ping\"}\n\n");
        });
    server.onCall((message, exchange) -> {
      while (server.messages.stream().noneMatch(m -> m.path("id").asText().equals("p")))
        answered.await(10, TimeUnit.MILLISECONDS);
      StubServer.text(exchange, message, "ponged");
    });
    try (Environment.Session session = open("")) {
      assertThat(call(session).text()).isEqualTo("ponged");
    }
  }

  @Test
  void resultsAreTextWhateverTheyHold() throws Exception {
    server.onCall((message, exchange) ->
        StubServer.send(
            exchange,
            200,
            "application/json",
            """
            {"jsonrpc":"2.0","id":%s,"result":{"isError":true,"content":[
              {"type":"text","text":"no file"},{"type":"image","mimeType":"image/png","data":"AAAA"},
              {"type":"resource","resource":{"uri":"file:///a","text":"inside"}},
              {"type":"resource_link","name":"b","uri":"file:///b"}]}}
            """
                .formatted(message.path("id"))));
    try (Environment.Session session = open("")) {
      assertThat(call(session))
          .isInstanceOf(Result.Failed.class)
          .returns(
              "no file\n[image, image/png, 3 bytes]\ninside\n[resource b: file:///b]",
              Result::text);
    }
  }

  @Test
  void structuredContentIsShownWhereThereIsNoOther() throws Exception {
    server.onCall((message, exchange) ->
        StubServer.send(
            exchange,
            200,
            "application/json",
            "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{\"content\":[],\"structuredContent\":{\"t\":21}}}"
                .formatted(message.path("id"))));
    try (Environment.Session session = open("")) {
      assertThat(call(session).text()).isEqualTo("{\"t\":21}");
    }
  }

  @Test
  void whatServersMustNotDoLosesTheEnvironmentWithASentence() throws Exception {
    List<StubServer.Answer> wrongs =
        List.of(
            (_, e) -> StubServer.send(e, 200, "text/html", "<html>login</html>"),
            (_, e) -> StubServer.send(e, 200, "application/json", "[]"),
            (_, e) ->
                StubServer.send(
                    e, 200, "application/json", "{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"result\":{}}"),
            (_, e) -> StubServer.send(e, 200, "text/event-stream", "data: {}\n\n"),
            (_, e) -> StubServer.send(e, 200, "text/event-stream", ""),
            (_, e) -> e.close(),
            (_, e) -> StubServer.send(e, 500, "text/plain", "oops"),
            (m, e) ->
                StubServer.send(
                    e,
                    200,
                    "application/json",
                    "{\"jsonrpc\":\"2.0\",\"id\":%s,\"error\":{\"code\":-32603,\"message\":\"inside\"}}"
                        .formatted(m.path("id"))),
            (m, e) ->
                StubServer.send(
                    e,
                    200,
                    "application/json",
                    "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{\"content\":7}}"
                        .formatted(m.path("id"))));
    List<String> sentences = new ArrayList<>();
    for (StubServer.Answer wrong : wrongs) {
      server.onCall(wrong);
      try (Environment.Session session = open("")) {
        assertThatThrownBy(() -> call(session))
            .isInstanceOf(EnvironmentLost.class)
            .hasMessageNotContaining("\n")
            .satisfies(e -> sentences.add(String.valueOf(e.getMessage())));
      }
    }
    assertThat(sentences).hasSize(9);
    assertThat(sentences.get(0)).contains("answered text/html instead of JSON: <html>login</html>");
    assertThat(sentences.get(4)).contains("ended its answer to tools/call early");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{'type':'object','properties':{'a':{'type':'sting'}}}",
        "{'type':'object','properties':{'a':{'pattern':'('}}}",
        "{'type':'object','properties':{'a':{'$ref':'#/$defs/none'}}}",
        "{'type':'object','properties':{'a':{'$ref':'http://127.0.0.1:1/schema'}}}",
        "{'type':'object','required':'a'}",
        "{'type':'array'}",
        "{}"
      })
  void aSchemaThatIsNoneLosesTheEnvironmentWithASentence(String schema) throws Exception {
    server.schema(schema.replace('\'', '"'));

    assertThatThrownBy(() -> open("").close())
        .isInstanceOf(EnvironmentLost.class)
        .hasMessageContaining("inputSchema")
        .hasMessageNotContaining("\n");
    assertThat(server.methods()).doesNotContain("tools/call");
  }

  /// What passes the schema and is refused all the same is for the policy to read.
  @Test
  void aSchemaThatLiesCostsTheCallOnly() throws Exception {
    server.schema("{\"type\":\"object\",\"properties\":{}}");
    server.onCall((message, exchange) ->
        StubServer.json(
            exchange, message, StubServer.result("path is required").put("isError", true)));

    try (Environment.Session session = open("")) {
      assertThat(call(session))
          .isInstanceOf(Result.Failed.class)
          .extracting(Result::text)
          .asString()
          .contains("path is required");
      server.onCall((message, exchange) -> StubServer.text(exchange, message, "fine"));
      assertThat(call(session).text()).isEqualTo("fine");
    }
  }

  @Test
  void anErrorAboutTheParametersIsThePolicysToRead() throws Exception {
    server.onCall((message, exchange) ->
        StubServer.send(
            exchange,
            200,
            "application/json",
            "{\"jsonrpc\":\"2.0\",\"id\":%s,\"error\":{\"code\":-32602,\"message\":\"no such path\"}}"
                .formatted(message.path("id"))));
    try (Environment.Session session = open("")) {
      assertThat(call(session))
          .isInstanceOf(Result.Failed.class)
          .returns("Error -32602: no such path", Result::text);
    }
  }

  @Test
  void aFloodIsCutOff() throws Exception {
    byte[] megabyte = "x".repeat(1 << 20).getBytes(StandardCharsets.US_ASCII);
    server.onCall((_, exchange) -> {
      exchange.getResponseHeaders().set("Content-Type", "text/event-stream");
      exchange.sendResponseHeaders(200, 0);
      exchange.getResponseBody().write("data: ".getBytes(StandardCharsets.US_ASCII));
      for (int i = 0; i < 64; i++) exchange.getResponseBody().write(megabyte);
    });
    try (Environment.Session session = open("")) {
      assertThatThrownBy(() -> call(session)).hasMessageContaining("sent more than 16 MiB");
    }
  }

  @Test
  void anotherRolloutGoesOnBesideAServerThatHangs() throws Exception {
    CountDownLatch never = new CountDownLatch(1);
    CountDownLatch hanging = new CountDownLatch(1);
    server.onCall((message, exchange) -> {
      if (hanging.getCount() > 0) {
        hanging.countDown();
        never.await(30, TimeUnit.SECONDS);
      } else StubServer.text(exchange, message, "fine");
    });
    try (Environment.Session stuck = open("");
        Environment.Session other = open("")) {
      Thread waiting = Thread.ofVirtual().start(() -> callAndForget(stuck));
      assertThat(hanging.await(10, TimeUnit.SECONDS)).isTrue();
      assertThat(call(other).text()).isEqualTo("fine");
      waiting.interrupt();
      waiting.join();
    }
    never.countDown();
  }

  @Test
  void aThousandSessionsHaveNoThreadsOfTheirOwn() throws Exception {
    List<Environment.Session> sessions = new ArrayList<>();
    open("").close();
    int before = platformThreads();
    for (int i = 0; i < 1000; i++) sessions.add(open(""));
    assertThat(call(sessions.getLast()).text()).isEqualTo("fine");
    int extra = platformThreads() - before;
    sessions.forEach(Environment.Session::close);

    assertThat(extra).isLessThanOrEqualTo(20);
  }

  private static int platformThreads() {
    return Thread.getAllStackTraces().size();
  }

  private JsonNode message(String method) {
    return server.messages.stream()
        .filter(message -> message.path("method").asText().equals(method))
        .findFirst()
        .orElseThrow();
  }

  private static void callAndForget(Environment.Session session) {
    try {
      call(session);
    } catch (EnvironmentLost | InterruptedException e) {
      // It was to be interrupted.
    }
  }

  private static Result call(Environment.Session session)
      throws EnvironmentLost, InterruptedException {
    return session
        .step(List.of(new ToolCall("c", "do_it", Json.EMPTY_OBJECT)))
        .results()
        .getFirst();
  }

  private Environment.Session open(String fields) throws EnvironmentLost, InterruptedException {
    String body =
        "{'environment':'e','tools':[{'kind':'mcp','name':'m',%s'url':'%s'}]}"
            .formatted(fields, server.url())
            .replace('\'', '"');
    environments.register(EnvironmentSpec.parse(body));
    Task task = new Task("g", List.of(new Message.User("?")), "e", Json.EMPTY_OBJECT);
    return environments.lookup("e").orElseThrow().open(task, 1, Duration.ofSeconds(30));
  }
}
