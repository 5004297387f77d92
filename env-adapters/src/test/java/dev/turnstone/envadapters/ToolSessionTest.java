package dev.turnstone.envadapters;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.turnstone.rollout.Environment;
import dev.turnstone.rollout.Environment.EnvironmentLost;
import dev.turnstone.rollout.Observation;
import dev.turnstone.rollout.Observation.Result;
import dev.turnstone.rollout.ToolCall;
import dev.turnstone.rollout.ToolSpec;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// `once` is not idempotent; `twin` is, and answers only when two of its calls are there at once.
final class ToolSessionTest {
  private static final String ONCE =
      "{'kind':'http','name':'once','description':'d','url':'AT/once'}";
  private static final String TWIN =
      "{'kind':'http','name':'twin','description':'d','url':'AT/twin','idempotent':true}";
  private static final String LOST =
      "{'kind':'http','name':'lost','description':'d','url':'http://127.0.0.1:1','idempotent':true}";

  private final Peerage peer = new Peerage();
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final CyclicBarrier both = new CyclicBarrier(2);
  private final List<String> bodies = Collections.synchronizedList(new ArrayList<>());
  private final HttpServer server;

  ToolSessionTest() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
  }

  @BeforeEach
  void start() {
    server.setExecutor(threads);
    server.createContext("/once", exchange -> answer(exchange, 200));
    server.createContext("/twin", exchange -> answer(exchange, together() ? 200 : 418));
    server.start();
  }

  @AfterEach
  void stop() {
    peer.close();
    server.stop(0);
    threads.close();
  }

  @Test
  void thePolicySeesTheToolsAsTheyAreRegistered() throws Exception {
    try (Environment.Session session = open(ONCE, Peerage.AMPLE)) {
      assertThat(session.tools())
          .extracting(ToolSpec::name, ToolSpec::description, tool -> tool.parameters().text())
          .containsExactly(tuple("once", "d", "{\"type\":\"object\",\"properties\":{}}"));
    }
  }

  @Test
  void callsOfOneTurnRunInOrder() throws Exception {
    Observation observation = step(ONCE, call("once", 1), call("once", 2), call("once", 3));

    assertThat(bodies).containsExactly("{\"n\":1}", "{\"n\":2}", "{\"n\":3}");
    assertThat(observation.results())
        .extracting(Result::text)
        .containsExactly("{\"n\":1}", "{\"n\":2}", "{\"n\":3}");
    assertThat(observation.done()).isFalse();
  }

  @Test
  void callsOfIdempotentToolsRunBesideEachOtherAndKeepTheirOrder() throws Exception {
    Observation observation =
        step(TWIN + "," + ONCE, call("twin", 1), call("twin", 2), call("once", 3));

    assertThat(observation.results())
        .allSatisfy(result -> assertThat(result).isInstanceOf(Result.Ok.class))
        .extracting(Result::text)
        .containsExactly("{\"n\":1}", "{\"n\":2}", "{\"n\":3}");
    assertThat(bodies.getLast()).isEqualTo("{\"n\":3}");
  }

  @Test
  void oneLostCallOfManyLosesTheEnvironment() {
    assertThatThrownBy(() -> step(LOST, call("lost", 1), call("lost", 2)))
        .isInstanceOf(EnvironmentLost.class);
  }

  @Test
  void anUnknownToolIsAnsweredWithTheNamesOfThoseThereAre() throws Exception {
    assertThat(step(ONCE + "," + TWIN, call("ones", 1)).results().getFirst())
        .isInstanceOf(Result.Failed.class)
        .returns("Error: there is no tool ones; the tools are once, twin", Result::text);
    assertThat(step("", call("ones", 1)).results().getFirst().text())
        .isEqualTo("Error: there are no tools here");
  }

  @Test
  void aTurnHasABoundOnItsCalls() throws Exception {
    ToolCall[] calls =
        IntStream.range(0, 66).mapToObj(n -> call("once", n)).toArray(ToolCall[]::new);

    assertThat(step(ONCE, calls).results())
        .hasSize(66)
        .filteredOn(Result.Failed.class::isInstance)
        .extracting(Result::text)
        .containsExactly(
            "Error: at most 64 calls a turn are run", "Error: at most 64 calls a turn are run");
    assertThat(bodies).hasSize(64);
  }

  @Test
  void afterTheDeadlineNothingIsSent() throws Exception {
    try (Environment.Session session = open(ONCE, Duration.ZERO)) {
      assertThat(session.step(List.of(call("once", 1))).results().getFirst())
          .isInstanceOf(Result.Failed.class)
          .returns("Error: the time for this task is over", Result::text);
    }
    assertThat(bodies).isEmpty();
  }

  private Observation step(String tools, ToolCall... calls)
      throws EnvironmentLost, InterruptedException {
    try (Environment.Session session = open(tools, Peerage.AMPLE)) {
      return session.step(List.of(calls));
    }
  }

  private Environment.Session open(String tools, Duration deadline)
      throws EnvironmentLost, InterruptedException {
    String at = "http://127.0.0.1:" + server.getAddress().getPort();
    return peer.open(tools.replace("AT", at), "", "{}", deadline);
  }

  private static ToolCall call(String tool, int n) {
    return Peerage.toolCall("c-" + n, tool, "{'n':%d}".formatted(n));
  }

  private boolean together() {
    try {
      both.await(5, TimeUnit.SECONDS);
      return true;
    } catch (InterruptedException | BrokenBarrierException | TimeoutException e) {
      return false;
    }
  }

  private void answer(HttpExchange exchange, int status) throws IOException {
    try (exchange) {
      byte[] body = exchange.getRequestBody().readAllBytes();
      bodies.add(new String(body, StandardCharsets.UTF_8));
      exchange.sendResponseHeaders(status, body.length);
      exchange.getResponseBody().write(body);
    }
  }
}
