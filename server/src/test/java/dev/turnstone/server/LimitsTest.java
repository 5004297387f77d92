package dev.turnstone.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.turnstone.server.TestServer.Answer;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// What a key may ask for, and how a silent stream stays alive.
@Timeout(30)
final class LimitsTest {
  private static final String HI =
      "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],\"stream\":true}";

  @TempDir private Path data;

  @Test
  void whoeverFindsTheServerFullIsCounted() throws Exception {
    try (TestServer server = TestServer.start(data, "{\"max_completions\": 1}")) {
      server.policy.hangsAfter("so far");
      Thread first = Thread.ofVirtual().start(() -> server.post("/v1/chat/completions", HI));
      assertThat(server.policy.silent.await(10, TimeUnit.SECONDS)).isTrue();
      assertThat(server.post("/v1/chat/completions", HI).status()).isEqualTo(503);
      assertThat(server.get("/metrics").text())
          .contains(
              "vllm:admission_rejections_total{model_name=\"scripted\",reason=\"max_num_queued_reqs\"} 1.0");
      server.post("/abort_requests", "{}");
      first.join();
    }
  }

  @Test
  void aKeyHasItsRequestsPerMinute() throws InterruptedException {
    try (TestServer server =
        TestServer.start(
            data,
            "{\"api_keys\": [{\"key\": \"k\", \"scope\": \"agent\", \"requests_per_minute\": 2},"
                + "{\"key\": \"other\", \"scope\": \"agent\"}]}")) {
      server.authorize("k");
      assertThat(server.get("/v1/models").status()).isEqualTo(200);
      assertThat(server.get("/v1/models").status()).isEqualTo(200);
      Answer third = server.get("/v1/models");
      assertThat(third.status()).isEqualTo(429);
      assertThat(third.json().at("/error/code").asText()).isEqualTo("rate_limit_exceeded");
      assertThat(Integer.parseInt(String.valueOf(third.headers().get("retry-after"))))
          .isBetween(1, 60);
      server.authorize("other");
      assertThat(server.get("/v1/models").status()).isEqualTo(200);
    }
  }

  @Test
  void aKeyHasItsRequestsAtOnceAndGetsThemBack() throws Exception {
    try (TestServer server =
        TestServer.start(
            data,
            "{\"api_keys\": [{\"key\": \"k\", \"scope\": \"agent\", \"max_in_flight\": 1}]}")) {
      server.authorize("k");
      server.policy.waitsBefore("late");
      CompletableFuture<Answer> first = CompletableFuture.supplyAsync(() -> server.chat(HI));
      assertThat(server.policy.silent.await(5, TimeUnit.SECONDS)).isTrue();
      assertThat(server.get("/v1/models").status()).isEqualTo(429);
      server.policy.go.countDown();
      assertThat(first.get(5, TimeUnit.SECONDS).status()).isEqualTo(200);
      // The client may read the end a moment before the server has left.
      Answer second = server.chat(HI);
      for (int i = 0; i < 100 && second.status() == 429; i++) second = server.chat(HI);
      assertThat(second.status()).isEqualTo(200);
    }
  }

  @Test
  void aSilentStreamSaysThatItLives() throws Exception {
    try (TestServer server = TestServer.start(data, "{\"ping_s\": 0.05}")) {
      server.policy.waitsBefore("late");
      CompletableFuture<Answer> answer = CompletableFuture.supplyAsync(() -> server.chat(HI));
      assertThat(server.policy.silent.await(5, TimeUnit.SECONDS)).isTrue();
      assertThat(server.policy.go.await(300, TimeUnit.MILLISECONDS)).isFalse();
      server.policy.go.countDown();
      List<String> events = answer.get(5, TimeUnit.SECONDS).events();
      assertThat(events).contains(": ping");
      assertThat(events.getLast()).isEqualTo("[DONE]");
    }
  }
}
