package dev.turnstone.server.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

/// The figures as Prometheus reads them.
final class MetricsTest {
  @Test
  void aTimeBelowASecondIsCountedInItsOwnBucket() {
    try (Metrics metrics = new Metrics()) {
      var times =
          metrics.histogram(
              "vllm:e2e_request_latency_seconds",
              "From first to last",
              List.of(.01, .05, 1.0),
              "model_name",
              "tiny");
      times.accept(.02);
      times.accept(.5);

      assertThat(metrics.scrape().lines())
          .contains(
              "vllm:e2e_request_latency_seconds_bucket{model_name=\"tiny\",le=\"0.01\"} 0",
              "vllm:e2e_request_latency_seconds_bucket{model_name=\"tiny\",le=\"0.05\"} 1",
              "vllm:e2e_request_latency_seconds_bucket{model_name=\"tiny\",le=\"1.0\"} 2",
              "vllm:e2e_request_latency_seconds_bucket{model_name=\"tiny\",le=\"+Inf\"} 2",
              "vllm:e2e_request_latency_seconds_count{model_name=\"tiny\"} 2",
              "vllm:e2e_request_latency_seconds_sum{model_name=\"tiny\"} 0.52");
    }
  }
}
