package dev.turnstone.bench;

import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;

/// `./turnstone bench [NAME]`: lists the benchmarks, or runs one and prints its JSON object.
public final class Main {
  private static final Map<String, Benchmark> BENCHMARKS =
      new TreeMap<>(Map.of("engine-batches", new EngineBatches()));

  private Main() {}

  public static void main(String[] args) throws Exception {
    if (args.length == 0 || args[0].startsWith("-")) {
      System.out.println("usage: turnstone bench NAME");
      BENCHMARKS.forEach((name, b) -> System.out.printf("  %-18s %s%n", name, b.description()));
      return;
    }
    Benchmark benchmark = BENCHMARKS.get(args[0]);
    if (benchmark == null || args.length > 1) {
      System.err.printf(
          "turnstone bench: no benchmark %s; there are %s%n",
          String.join(" ", args), String.join(", ", BENCHMARKS.keySet()));
      System.exit(2);
      return;
    }
    System.out.println(benchmark.run(Path.of(System.getProperty("turnstone.home", "."))));
  }
}
