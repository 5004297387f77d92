package dev.turnstone.upstream;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class FiguresTest {
  @Test
  void theFullestRankCountsAndCountersAddUp() {
    Figures figures =
        Figures.parse(
            """
            # HELP vllm:kv_cache_usage_perc x
            vllm:kv_cache_usage_perc{engine="0",model_name="m"} 0.25
            vllm:kv_cache_usage_perc{engine="1",model_name="m"} 0.75
            vllm:num_preemptions_total{engine="0"} 2.0
            vllm:num_preemptions_total{engine="1"} 1.0
            vllm:num_requests_waiting{engine="0"} 4
            process_start_time_seconds 1.76e+09
            something +Inf
            """);

    assertThat(figures.kvUsage()).isEqualTo(0.75);
    assertThat(figures.preempted()).isEqualTo(3);
    assertThat(figures.queued()).isEqualTo(4);
    assertThat(figures.started()).hasValue(1.76e9);
  }

  @Test
  void anEngineThatSaysNothingHasEmptyFigures() {
    assertThat(Figures.parse("").started()).isEmpty();
  }
}
