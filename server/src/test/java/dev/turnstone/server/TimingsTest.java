package dev.turnstone.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// The latencies that a server tells under vLLM's names, as a scraper reads them after real
/// generations.
@Timeout(60)
final class TimingsTest {
  private static final Path TINY = Path.of("..", "models", "tiny");
  private static final String CHAT =
      "{\"messages\":[{\"role\":\"user\",\"content\":\"1+1?\"}],\"max_tokens\":24,\"ignore_eos\":true}";
  private static final List<String> LATENCIES =
      List.of(
          "time_to_first_token_seconds",
          "inter_token_latency_seconds",
          "request_time_per_output_token_seconds",
          "e2e_request_latency_seconds",
          "request_queue_time_seconds",
          "request_prefill_time_seconds",
          "request_decode_time_seconds",
          "request_prompt_tokens",
          "request_generation_tokens");

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

  /// Series and their values.
  private static Map<String, Double> scrape() {
    Map<String, Double> series = new LinkedHashMap<>();
    for (String line : server.get("/metrics").text().lines().toList())
      if (!line.startsWith("#")) {
        int space = line.lastIndexOf(' ');
        series.put(line.substring(0, space), Double.parseDouble(line.substring(space + 1)));
      }
    return series;
  }

  private static double sum(Map<String, Double> series, String name, String label) {
    return series.entrySet().stream()
        .filter(e -> e.getKey().startsWith("vllm:" + name + "{") && e.getKey().contains(label))
        .mapToDouble(Map.Entry::getValue)
        .sum();
  }

  /// How much a figure grew.
  private record Growth(Map<String, Double> before, Map<String, Double> after) {
    double of(String name) {
      return of(name, "engine=\"0\"");
    }

    double of(String name, String label) {
      return sum(after, name, label) - sum(before, name, label);
    }
  }

  @Test
  void theTimesOfAGenerationAddUp() {
    Map<String, Double> before = scrape();
    JsonNode usage = server.chat(CHAT).json().get("usage");
    Growth grown = new Growth(before, scrape());

    assertThat(usage.get("completion_tokens").asInt()).isEqualTo(24);
    for (String name : LATENCIES)
      assertThat(grown.of(name + "_count"))
          .as(name)
          .isEqualTo(name.equals("inter_token_latency_seconds") ? 23 : 1);
    assertThat(grown.of("request_prompt_tokens_sum")).isEqualTo(usage.get("prompt_tokens").asInt());
    assertThat(grown.of("request_generation_tokens_sum")).isEqualTo(24);
    assertThat(grown.of("request_success_total", "finished_reason=\"length\"")).isEqualTo(1);

    double first = grown.of("time_to_first_token_seconds_sum");
    double decode = grown.of("request_decode_time_seconds_sum");
    assertThat(grown.of("request_queue_time_seconds_sum")).isNotNegative();
    assertThat(grown.of("request_prefill_time_seconds_sum")).isPositive();
    assertThat(
            grown.of("request_queue_time_seconds_sum")
                + grown.of("request_prefill_time_seconds_sum"))
        .isCloseTo(first, within(1e-6));
    assertThat(grown.of("inter_token_latency_seconds_sum")).isCloseTo(decode, within(1e-6));
    assertThat(grown.of("request_time_per_output_token_seconds_sum"))
        .isCloseTo(decode / 23, within(1e-6));
    assertThat(grown.of("e2e_request_latency_seconds_sum")).isGreaterThanOrEqualTo(first + decode);
  }

  @Test
  void bucketsAreCumulative() {
    Map<String, Double> before = scrape();
    server.chat(CHAT);
    Map<String, Double> after = scrape();
    Growth grown = new Growth(before, after);
    assertThat(grown.of("request_generation_tokens_bucket", "le=\"20.0\"")).isZero();
    assertThat(grown.of("request_generation_tokens_bucket", "le=\"50.0\"")).isEqualTo(1);
    for (String name : LATENCIES) {
      List<Double> counts = new ArrayList<>();
      after.forEach((series, value) -> {
        if (series.startsWith("vllm:" + name + "_bucket{")) counts.add(value);
      });
      assertThat(counts).as(name).isSorted().hasSizeGreaterThan(15);
      assertThat(counts.getLast()).isEqualTo(sum(after, name + "_count", ""));
    }
  }

  @Test
  void howLateTheServersOwnThreadsRunIsTold() {
    Map<String, Double> series = scrape();
    for (String name : List.of("turnstone_event_loop_delay", "turnstone_scheduling_delay"))
      assertThat(series).containsKeys(name + "_seconds_count", name + "_recent_seconds");
  }

  @Test
  void whatClientsNameMakesNoSeries() {
    assertThat(server.get("/zz/path").status()).isEqualTo(404);
    assertThat(server.get("/v1/sessions/zz").status()).isEqualTo(404);
    assertThat(server.chat(CHAT.replace("{\"m", "{\"model\":\"zz\",\"m")).status()).isEqualTo(404);
    String id = server.post("/v1/sessions", "{}").json().get("id").asText();
    String path = "/sessions/" + id + "/v1/chat/completions";
    assertThat(server.post(path, CHAT.replace("{\"m", "{\"user\":\"zz\",\"m")).status())
        .isEqualTo(200);
    server.post("/v1/sessions/" + id + "/finish", "{\"reward\":1}");
    Map<String, Double> series = scrape();
    assertThat(series.keySet()).noneMatch(name -> name.contains("zz") || name.contains(id));
  }

  @Test
  void stepsAreCountedByTheirTokens() {
    server.chat(CHAT);
    Map<String, Double> series = scrape();
    String labels = "{model_name=\"tiny\",engine=\"0\"";
    String name = "vllm:iteration_tokens_total";
    // The last of 24 steps is told after its reply.
    assertThat(series.get(name + "_count" + labels + "}")).isGreaterThanOrEqualTo(23);
    assertThat(series.get(name + "_bucket" + labels + ",le=\"1.0\"}")).isGreaterThanOrEqualTo(20);
    assertThat(series.get(name + "_bucket" + labels + ",le=\"+Inf\"}"))
        .isEqualTo(series.get(name + "_count" + labels + "}"));
    assertThat(series.get(name + "_sum" + labels + "}")).isGreaterThan(24);
  }
}
