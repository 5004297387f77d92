package dev.turnstone.sandbox;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.sandbox.jail.Jails;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.DoubleAdder;
import java.util.concurrent.atomic.LongAdder;

/// What the sandbox says of itself: `/health` in JSON, `/metrics` in Prometheus's text format.
final class Health {
  private final Sandbox sandbox;
  private final Sessions sessions;
  private final Guard guard;
  private final Map<String, LongAdder> runs = new ConcurrentHashMap<>();
  private final DoubleAdder seconds = new DoubleAdder();

  Health(Sandbox sandbox, Sessions sessions, Guard guard) {
    this.sandbox = sandbox;
    this.sessions = sessions;
    this.guard = guard;
  }

  /// @param status as the response bears it, or `busy`
  void count(String status, double tookSeconds) {
    runs.computeIfAbsent(status, s -> new LongAdder()).increment();
    seconds.add(tookSeconds);
  }

  Reply health() {
    Jails jails = sandbox.jails();
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    json.put("status", guard.passed() ? "ok" : "unsafe").put("isolation", jails.describe());
    json.put("cgroup", jails.cgroups().describe());
    json.set("self_test", guard.json());
    json.put("running", sandbox.places().running()).put("waiting", sandbox.places().waiting());
    json.put("sessions", sessions.count());
    return Reply.json(guard.passed() ? 200 : 503, json);
  }

  Reply metrics() {
    StringBuilder text = new StringBuilder();
    text.append("# TYPE turnstone_sandbox_runs_total counter\n");
    runs.forEach((status, count) ->
        text.append(
            "turnstone_sandbox_runs_total{status=\"%s\"} %d%n".formatted(status, count.sum())));
    line(text, "counter", "run_seconds_total", seconds.sum());
    line(text, "gauge", "running", sandbox.places().running());
    line(text, "gauge", "waiting", sandbox.places().waiting());
    line(text, "gauge", "sessions", sessions.count());
    line(text, "gauge", "self_test_passed", guard.passed() ? 1 : 0);
    return Reply.bytes(
        "text/plain; version=0.0.4",
        text.toString().getBytes(java.nio.charset.StandardCharsets.UTF_8));
  }

  private static void line(StringBuilder text, String type, String name, double value) {
    text.append("# TYPE turnstone_sandbox_%s %s%n".formatted(name, type));
    text.append("turnstone_sandbox_%s %s%n".formatted(name, Double.toString(value)));
  }
}
