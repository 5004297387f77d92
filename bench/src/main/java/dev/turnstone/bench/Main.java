package dev.turnstone.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.bench.engine.EngineSpeed;
import dev.turnstone.bench.gateway.GatewayBench;
import java.io.PrintStream;
import java.util.List;
import java.util.Optional;

/// `./turnstone bench`: without arguments lists the benchmarks; with a name runs one and prints its
/// figures as one line of JSON. Bad input is one sentence and exit code 2.
public final class Main {
  private static final int BAD_INPUT = 2;

  /// All benchmarks, in the order of the list.
  private static final List<Benchmark> BENCHMARKS =
      List.of(
          new ChatLoad(),
          new GatewayBench(),
          new EngineSpeed(),
          new Templates(),
          new SandboxLoad(),
          new Chaos(),
          new FeedLoad(),
          new WeightsLoad(),
          new Rollouts(),
          new RoutingLoad(),
          new UpstreamLoad(),
          new EngineChaos());

  private Main() {}

  public static void main(String[] args) throws Exception {
    System.exit(run(System.out, System.err, List.of(args)));
  }

  static int run(PrintStream out, PrintStream err, List<String> args) throws Exception {
    if (args.isEmpty() || args.getFirst().equals("--help")) {
      BENCHMARKS.forEach(b -> out.printf("%-12s %s%n", b.name(), b.summary()));
      return 0;
    }
    String name = args.getFirst();
    Optional<Benchmark> chosen =
        BENCHMARKS.stream().filter(benchmark -> benchmark.name().equals(name)).findFirst();
    if (chosen.isEmpty()) {
      err.printf("turnstone bench: there is no benchmark %s; see turnstone bench%n", name);
      return BAD_INPUT;
    }
    try {
      ObjectNode figures = new ObjectMapper().createObjectNode().put("benchmark", name);
      figures.put("cores", Runtime.getRuntime().availableProcessors());
      out.println(figures.setAll(chosen.get().run(args.subList(1, args.size()))));
      return 0;
    } catch (IllegalArgumentException e) {
      err.printf("turnstone bench %s: %s%n", name, e.getMessage());
      return BAD_INPUT;
    }
  }
}
