package dev.turnstone.bench.gateway;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.bench.Benchmark;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/// What the gateway costs: turns of sessions whose history grows, through a server with its log on
/// to an engine that computes nothing.
public final class GatewayBench implements Benchmark {
  private static final ObjectMapper JSON = new ObjectMapper();

  @Override
  public String name() {
    return "gateway";
  }

  @Override
  public String summary() {
    return "[OPTION=VALUE …]: turns/s, added latency, live sessions and stalls of the gateway; "
        + GatewayOptions.HELP;
  }

  @Override
  public ObjectNode run(List<String> arguments) throws Exception {
    GatewayOptions options = GatewayOptions.parse(arguments);
    ObjectNode figures = JSON.createObjectNode();
    figures.set("parameters", JSON.valueToTree(options));
    Path data = Files.createTempDirectory("turnstone-bench");
    try (GatewayRig rig = GatewayRig.start(options, data)) {
      if (options.does("turns")) turns(rig, figures);
      if (options.does("latency")) latency(rig, figures);
      if (options.does("stream")) stream(rig, figures);
      if (options.does("tokenise")) tokenise(rig, figures);
      if (options.does("hold")) hold(rig, figures);
      if (options.does("peers")) new Peers(rig, options).run(figures);
    } finally {
      delete(data);
    }
    return figures;
  }

  private static void delete(Path folder) throws IOException {
    if (Files.notExists(folder)) return;
    try (Stream<Path> all = Files.walk(folder)) {
      for (Path one : all.sorted(Comparator.reverseOrder()).toList()) Files.deleteIfExists(one);
    }
  }

  private static void turns(GatewayRig rig, ObjectNode figures) throws IOException {
    try (Child load = rig.begin(rig.plan())) {
      load.await(LoadProcess.MEASURING);
      Cpu before = Cpu.of(rig, load);
      JsonNode seen = JSON.readTree(load.await(LoadProcess.RESULT));
      Cpu used = Cpu.of(rig, load).minus(before);
      figures.set("turns_per_s", seen.get("turns_per_s"));
      figures.put("turn_p50_ms", seen.get("p50_ms").asDouble());
      figures.put("turn_p99_ms", seen.get("p99_ms").asDouble());
      double turns = Math.max(1, seen.get("count").asDouble());
      figures.put("server_cpu_ms_per_turn", 1e3 * used.server() / turns);
      figures.put("stub_cpu_ms_per_turn", 1e3 * used.stub() / turns);
      figures.put("load_cpu_ms_per_turn", 1e3 * used.load() / turns);
    }
  }

  /// Processor seconds of the three processes.
  private record Cpu(double server, double stub, double load) {
    static Cpu of(GatewayRig rig, Child load) throws IOException {
      return new Cpu(rig.server().cpuSeconds(), rig.stub().cpuSeconds(), load.cpuSeconds());
    }

    Cpu minus(Cpu earlier) {
      return new Cpu(server - earlier.server, stub - earlier.stub, load - earlier.load);
    }
  }

  /// The same turns at a fixed rate, through the server and straight to the engine: what the
  /// machine and the load process themselves are late by is in both.
  private static void latency(GatewayRig rig, ObjectNode figures) throws IOException {
    GatewayOptions options = rig.options();
    LoadPlan paced = rig.plan().with("paced", options.clients(), options.rate(), options.seconds());
    JsonNode direct = rig.load(paced.at("plain", rig.stubPort(), EngineStub.MODEL).warm(4));
    JsonNode through = rig.load(options.does("turns") ? paced.warm(8) : paced);
    figures.put("rate", options.rate());
    figures.put("direct_p50_ms", direct.get("p50_ms").asDouble());
    figures.put("direct_p99_ms", direct.get("p99_ms").asDouble());
    figures.put("through_p50_ms", through.get("p50_ms").asDouble());
    figures.put("through_p99_ms", through.get("p99_ms").asDouble());
    figures.put("through_max_ms", through.get("max_ms").asDouble());
    figures.put("added_latency_p50_ms", added(through, direct, "p50_ms"));
    figures.put("added_latency_p99_ms", added(through, direct, "p99_ms"));
  }

  private static double added(JsonNode through, JsonNode direct, String quantile) {
    return through.get(quantile).asDouble() - direct.get(quantile).asDouble();
  }

  /// Processor time of the server while all it does is stream.
  private static void stream(GatewayRig rig, ObjectNode figures) throws IOException {
    LoadPlan plan = rig.streams();
    rig.load(plan);
    double cpu = rig.server().cpuSeconds();
    JsonNode seen = rig.load(plan);
    double used = rig.server().cpuSeconds() - cpu;
    long tokens = seen.get("count").asLong() * plan.maxTokens();
    figures.put("streamed_tokens", tokens);
    figures.put("stream_us_per_token", 1e6 * used / Math.max(1, tokens));
    figures.put("stream_tokens_per_s", tokens / plan.seconds());
  }

  private static void tokenise(GatewayRig rig, ObjectNode figures) throws Exception {
    GatewayOptions options = rig.options();
    String prompt = rig.text(options.longPrompt());
    String body = "{\"prompt\":\"" + prompt + "\"}";
    LoadPlan probe = rig.plan().with("probe", 1, 100, 4).at("plain", rig.port(), "").warm(3);
    figures.put("tokenise_idle_max_ms", rig.load(probe).get("max_ms").asDouble());
    try (Child prober = rig.begin(probe.with("probe", 1, 100, options.probeSeconds()))) {
      Thread.sleep((long) (1000 * probe.warmup()) + 1000);
      long begun = System.nanoTime();
      List<Thread> senders = new ArrayList<>();
      List<String> failed = new ArrayList<>();
      for (int i = 0; i < options.longPrompts(); i++)
        senders.add(
            Thread.ofVirtual()
                .start(() -> {
                  try (PlainHttp http = new PlainHttp(rig.port(), "")) {
                    http.post("/tokenize", body).ok();
                  } catch (IOException e) {
                    synchronized (failed) {
                      failed.add(String.valueOf(e.getMessage()));
                    }
                  }
                }));
      for (Thread sender : senders) sender.join();
      figures.put("tokenise_s", (System.nanoTime() - begun) / 1e9);
      if (!failed.isEmpty()) throw new IOException("a long prompt failed: " + failed.getFirst());
      JsonNode seen = JSON.readTree(prober.await(LoadProcess.RESULT));
      figures.put(
          "tokenise_delay_max_ms", seen.get("max_ms").asDouble() - seen.get("p50_ms").asDouble());
    }
  }

  private static void hold(GatewayRig rig, ObjectNode figures) throws Exception {
    GatewayOptions options = rig.options();
    LoadPlan plan =
        rig.held().with("hold", options.sessions(), options.holdRate(), options.seconds());
    try (Child load = rig.begin(plan)) {
      load.await(LoadProcess.FILLED);
      figures.put("live_sessions", (long) Scrape.of(rig.port()).value("turnstone_sessions "));
      Thread.sleep(options.settleSeconds() * 1000L);
      double before = Scrape.of(rig.port()).delayMillis();
      figures.put("rss_mib", rig.server().residentMib());
      load.go();
      double stall = 0;
      for (int i = 0; i < options.seconds(); i++) {
        Thread.sleep(1000);
        stall = Math.max(stall, Scrape.of(rig.port()).delayMillis());
      }
      figures.put("stall_idle_ms", before).put("stall_max_ms", stall);
      JsonNode seen = JSON.readTree(load.await(LoadProcess.RESULT));
      figures.put("held_turn_p99_ms", seen.get("p99_ms").asDouble());
      figures.put("held_turn_max_ms", seen.get("max_ms").asDouble());
      figures.put("fill_s", seen.get("fill_s").asDouble());
      figures.put("rss_after_mib", rig.server().residentMib());
    }
  }
}
