package dev.turnstone.upstream;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;

/// An engine's own figures, out of its `/metrics`.
///
/// @param kvUsage 0 to 1
/// @param preempted since it started
/// @param running requests in its batch
/// @param queued requests that wait inside it
/// @param prompted prompt tokens since it started, and how many of them it had cached
/// @param started when its process started, in seconds; empty if it does not say
record Figures(
    double kvUsage,
    double preempted,
    int running,
    int queued,
    double prompted,
    double cached,
    OptionalDouble started) {

  /// Reads Prometheus text. Engines with several ranks say a figure once for each: the fullest KV
  /// cache counts, and the sums of the others.
  static Figures parse(String text) {
    Map<String, Double> sums = new HashMap<>();
    double kv = 0;
    for (String line : text.split("\n", -1)) {
      if (line.isEmpty() || line.charAt(0) == '#') continue;
      int space = line.lastIndexOf(' ');
      if (space < 0) continue;
      int brace = line.indexOf('{');
      String name = line.substring(0, brace < 0 ? space : brace);
      double value = number(line.substring(space + 1));
      if (name.equals("vllm:kv_cache_usage_perc")
          || name.equals("vllm:gpu_cache_usage_perc")
          || name.equals("sglang:token_usage")) kv = Math.max(kv, value);
      else sums.merge(name, value, Double::sum);
    }
    double started = sums.getOrDefault("process_start_time_seconds", Double.NaN);
    return new Figures(
        kv,
        first(sums, "vllm:num_preemptions_total", "sglang:num_retracted_reqs"),
        (int) first(sums, "vllm:num_requests_running", "sglang:num_running_reqs"),
        (int) first(sums, "vllm:num_requests_waiting", "sglang:num_queue_reqs"),
        first(sums, "vllm:prefix_cache_queries_total", "sglang:prompt_tokens_total"),
        first(sums, "vllm:prefix_cache_hits_total", "sglang:cached_tokens_total"),
        Double.isNaN(started) ? OptionalDouble.empty() : OptionalDouble.of(started));
  }

  private static double first(Map<String, Double> sums, String... names) {
    for (String name : List.of(names)) if (sums.containsKey(name)) return sums.get(name);
    return 0;
  }

  private static double number(String text) {
    try {
      double value = Double.parseDouble(text.strip());
      return Double.isFinite(value) ? value : 0;
    } catch (NumberFormatException e) {
      return 0; // +Inf and NaN are written in Prometheus's own way
    }
  }
}
