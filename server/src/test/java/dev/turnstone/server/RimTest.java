package dev.turnstone.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.server.TestServer.Answer;
import dev.turnstone.server.http.StartupError;
import dev.turnstone.server.http.Wire;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import okhttp3.MediaType;
import okhttp3.RequestBody;
import okio.BufferedSink;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Timeout(30)
final class RimTest {
  private static final String HI = "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}";

  @TempDir private Path data;

  @Test
  void errorsHaveOneEnvelopeEverywhere() throws InterruptedException {
    try (TestServer server = TestServer.start(data)) {
      Answer unknown = server.get("/v2/nothing");
      assertThat(unknown.status()).isEqualTo(404);
      assertThat(unknown.error()).isEqualTo("there is no /v2/nothing");
      Answer method = server.get("/v1/chat/completions");
      assertThat(method.status()).isEqualTo(405);
      assertThat(method.error()).isEqualTo("/v1/chat/completions does not take GET");
      assertThat(server.post("/health", "").status()).isEqualTo(405);
    }
  }

  @Test
  void headIsAGetWithoutItsBody() throws InterruptedException {
    try (TestServer server = TestServer.start(data)) {
      for (String path : new String[] {"/v1/models", "/health", "/metrics"}) {
        Answer answer = TestServer.send(server.to(path).head().build());
        assertThat(answer.status()).as(path).isEqualTo(200);
        assertThat(answer.text()).isEmpty();
      }
      assertThat(TestServer.send(server.to("/v1/models/x").head().build()).status()).isEqualTo(404);
      assertThat(TestServer.send(server.to("/v1/completions").head().build()).status())
          .isEqualTo(405);
    }
  }

  /// What `curl -d` sends if nobody sets a header.
  @Test
  void jsonThatCallsItselfAFormIsJson() throws InterruptedException {
    String body = HI.replace("hi", "100% of 3");
    MediaType form = MediaType.get("application/x-www-form-urlencoded");
    try (TestServer server = TestServer.start(data)) {
      Answer answer =
          TestServer.send(
              server.to("/v1/chat/completions").post(RequestBody.create(body, form)).build());
      assertThat(answer.status()).as(answer.text()).isEqualTo(200);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "/health,evil.example,,403",
    "/v1/models,evil.example,,403",
    "/nothing,evil.example,,403",
    "/v1/models,,http://evil.example,403",
    "/v1/models,,,200"
  })
  void hostAndOriginAreCheckedOnEveryRoute(String path, String host, String origin, int status)
      throws InterruptedException {
    try (TestServer server = TestServer.start(data)) {
      var request = server.to(path);
      if (host != null) request.header("Host", host);
      if (origin != null) request.header("Origin", origin);
      Answer answer = TestServer.send(request.build());
      assertThat(answer.status()).isEqualTo(status);
      if (status == 403) assertThat(answer.error()).isNotEmpty();
    }
  }

  @Test
  void aKeyIsAskedForBeforeTheBodyIsRead() throws InterruptedException {
    try (TestServer server =
        TestServer.start(data, "{\"api_keys\": [{\"key\": \"agent-k\", \"scope\": \"agent\"}]}")) {
      assertThat(server.get("/health").status()).isEqualTo(200);
      assertThat(server.get("/openapi.yaml").text()).startsWith("openapi: 3.1.0");
      Answer none = server.chat("not even JSON");
      assertThat(none.status()).isEqualTo(401);
      assertThat(none.headers().get("www-authenticate")).isEqualTo("Bearer");
      var chat =
          server
              .to("/v1/chat/completions")
              .post(RequestBody.create(HI, MediaType.get("text/plain")));
      assertThat(TestServer.send(chat.header("Authorization", "Bearer agent-k").build()).status())
          .isEqualTo(200);
      var metrics = server.to("/metrics").header("Authorization", "Bearer agent-k");
      assertThat(TestServer.send(metrics.build()).status()).isEqualTo(403);
    }
  }

  @Test
  void aBodyAboveTheLimitIsRefused() throws InterruptedException {
    try (TestServer server = TestServer.start(data)) {
      var huge =
          new RequestBody() {
            @Override
            public MediaType contentType() {
              return MediaType.get("application/json");
            }

            @Override
            public long contentLength() {
              return Wire.LIMIT + 1L;
            }

            @Override
            public void writeTo(BufferedSink sink) throws IOException {
              byte[] block = new byte[1 << 16];
              for (long sent = 0; sent <= Wire.LIMIT; sent += block.length)
                sink.write(block, 0, (int) Math.min(block.length, Wire.LIMIT + 1L - sent));
            }
          };
      Answer answer = TestServer.send(server.to("/v1/chat/completions").post(huge).build());
      assertThat(answer.status()).isEqualTo(413);
      assertThat(answer.error()).contains("67108864");
    }
  }

  @Test
  void whatIsNotHttpIsAnsweredToo() throws Exception {
    try (TestServer server = TestServer.start(data);
        Socket socket = new Socket(InetAddress.getLoopbackAddress(), server.port())) {
      socket.setSoTimeout(10_000);
      socket
          .getOutputStream()
          .write("GET / HTTP/9.9 what\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
      InputStream in = socket.getInputStream();
      String answer = new String(in.readAllBytes(), StandardCharsets.UTF_8);
      assertThat(answer).startsWith("HTTP/1.").contains(" 400 ").contains("invalid_request_error");
    }
  }

  @Test
  void aPortInUseIsOneSentence() throws InterruptedException {
    try (TestServer server = TestServer.start(data)) {
      assertThatThrownBy(() -> TestServer.start(data, "{\"port\": %d}".formatted(server.port())))
          .isInstanceOf(StartupError.class)
          .hasMessage("port %d on 127.0.0.1 is in use", server.port());
    }
  }

  @Test
  void aHostOfSomebodyElseIsOneSentence() {
    assertThatThrownBy(() ->
            TestServer.start(data, "{\"host\": \"192.0.2.1\", \"api_keys\": [{\"key\": \"k\"}]}"))
        .isInstanceOf(StartupError.class)
        .hasMessageStartingWith("cannot listen on 192.0.2.1 port 0");
  }

  @Test
  void itListensBeforeItIsReady() throws Exception {
    try (TestServer server = TestServer.listen(data)) {
      assertThat(server.get("/health").status()).isEqualTo(200);
      Answer ready = server.get("/ready");
      assertThat(ready.status()).isEqualTo(503);
      assertThat(ready.headers().get("retry-after")).isEqualTo("1");
      assertThat(server.get("/v1/models").status()).isEqualTo(503);
      server.serve();
      assertThat(server.get("/ready").json().get("status").asText()).isEqualTo("ok");
      assertThat(server.get("/v1/models").status()).isEqualTo(200);
    }
  }

  @Test
  void aServerThatDrainsFinishesWhatItHasAndTakesNothingNew() throws Exception {
    try (TestServer server = TestServer.start(data, "{\"drain_s\": 5}")) {
      server.policy.waitsBefore("late");
      var answer = new java.util.concurrent.FutureTask<>(() -> server.chat(HI));
      Thread.startVirtualThread(answer);
      assertThat(server.policy.silent.await(5, TimeUnit.SECONDS)).isTrue();
      Thread drain = Thread.startVirtualThread(() -> drain(server));
      while (server.get("/ready").status() == 200) Thread.onSpinWait();
      assertThat(server.chat(HI).status()).isEqualTo(503);
      assertThat(server.get("/health").status()).isEqualTo(200);
      server.policy.go.countDown();
      JsonNode reply = answer.get(5, TimeUnit.SECONDS).json();
      assertThat(reply.at("/choices/0/message/content").asText()).isEqualTo("late");
      drain.join();
    }
  }

  private static void drain(TestServer server) {
    try {
      server.server.drain();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void metricsCountRequestsByRoute() throws InterruptedException {
    try (TestServer server = TestServer.start(data)) {
      server.chat(HI);
      assertThat(server.get("/metrics").text())
          .contains("turnstone_http_requests_seconds_count")
          .contains("route=\"/v1/chat/completions\"")
          .contains("turnstone_completions");
    }
  }
}
