package dev.turnstone.bench.engine;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.engine.Model;
import dev.turnstone.engine.ModelConfig;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/// The least time that a step can take on this machine: its products, as one batch on all cores or
/// one lane of rows per core, whichever is faster, and its KV bytes at the bandwidth of copying.
///
/// Lanes that share columns instead of rows are measured beside it, for the log: the engine works
/// so, and they can be faster than what counts as the floor.
final class Floor implements AutoCloseable {
  private final Cores cores;
  private final CopyBandwidth copy;
  private final ExecutorService allThreads;
  private final List<Products> batch = new ArrayList<>();
  private final List<Products> lanes = new ArrayList<>();
  private final List<Products> columns = new ArrayList<>();
  private final double flops;
  private double best = Double.POSITIVE_INFINITY;
  private double bestBatch = Double.POSITIVE_INFINITY;
  private double bestLanes = Double.POSITIVE_INFINITY;
  private double bestColumns = Double.POSITIVE_INFINITY;
  private double bandwidth;

  /// @param rows tokens of a step
  /// @param wanted of them, those whose logits are computed
  Floor(ModelConfig config, Cores cores, CopyBandwidth copy, int rows, int wanted) {
    this.cores = cores;
    this.copy = copy;
    int count = cores.count();
    allThreads =
        Executors.newSingleThreadExecutor(
            task -> Thread.ofPlatform().name("floor-batch").daemon(true).unstarted(task));
    Model.prepareThread(1);
    batch.add(new Products(config, rows, wanted, 1));
    flops = batch.getFirst().flops();
    for (int lane = 0; lane < count && rows >= count; lane++)
      lanes.add(new Products(config, Math.ceilDiv(rows, count), Math.ceilDiv(wanted, count), 1));
    for (int lane = 0; lane < count; lane++) columns.add(new Products(config, rows, wanted, count));
  }

  /// Measures everything once; returns the seconds of the products in this sample.
  double sample() throws Exception {
    long whole =
        allThreads
            .submit(() -> {
              Model.prepareThread(cores.count());
              long started = System.nanoTime();
              batch.getFirst().run();
              return System.nanoTime() - started;
            })
            .get();
    double now = whole / 1e9;
    bestBatch = Math.min(bestBatch, now);
    if (!lanes.isEmpty()) {
      double apart = time(lanes);
      bestLanes = Math.min(bestLanes, apart);
      now = Math.min(now, apart);
    }
    bestColumns = Math.min(bestColumns, time(columns));
    bandwidth = Math.max(bandwidth, copy.sample());
    best = Math.min(best, now);
    return now;
  }

  private double time(List<Products> parts) throws Exception {
    return cores.time(core ->
        () -> {
          parts.get(core).run();
          return core;
        })
        / 1e9;
  }

  /// Seconds of a step that reads so many bytes of keys and values.
  double seconds(double kvBytes) {
    return best + kvBytes / bandwidth;
  }

  double kvSeconds(double kvBytes) {
    return kvBytes / bandwidth;
  }

  void describe(ObjectNode into, double kvBytes) {
    into.put("matmul_ms", Figure.rounded(best * 1e3));
    into.put("kv_ms", Figure.rounded(kvSeconds(kvBytes) * 1e3));
    into.put("gflops", Math.round(flops / best / 1e9));
    into.put("copy_gb_per_s", Figure.rounded(bandwidth / 1e9));
    into.put("matmul_ms_one_batch", Figure.rounded(bestBatch * 1e3));
    if (!lanes.isEmpty()) into.put("matmul_ms_lanes_of_rows", Figure.rounded(bestLanes * 1e3));
    into.put("matmul_ms_lanes_of_columns", Figure.rounded(bestColumns * 1e3));
  }

  @Override
  public void close() {
    allThreads.shutdownNow();
    batch.forEach(Products::close);
    lanes.forEach(Products::close);
    columns.forEach(Products::close);
  }
}
