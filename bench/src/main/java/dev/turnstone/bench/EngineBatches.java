package dev.turnstone.bench;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.engine.Engine;
import dev.turnstone.engine.EngineConfig;
import dev.turnstone.rollout.Generation;
import dev.turnstone.rollout.Policy;
import dev.turnstone.rollout.Sampling;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.WeightsId;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/// Tokens per second of the embedded engine with the tiny policy, by the number of requests at
/// once.
final class EngineBatches implements Benchmark {
  private static final int PROMPT = 64;
  private static final int GENERATED = 64;
  private static final int[] BATCHES = {1, 8, 64, 256};
  private static final int ROUNDS = 3;

  @Override
  public String name() {
    return "engine-batches";
  }

  @Override
  public String summary() {
    return "tokens/s of the engine with the tiny policy, by requests at once";
  }

  @Override
  public ObjectNode run(List<String> arguments) throws Exception {
    if (!arguments.isEmpty())
      throw new IllegalArgumentException("takes no arguments, but got " + arguments);
    Path home = Path.of(System.getProperty("turnstone.home", "."));
    ObjectNode result = JsonNodeFactory.instance.objectNode();
    result.put("prompt_tokens", PROMPT).put("generated_tokens", GENERATED);
    try (Engine engine =
        Engine.load(
            home.resolve("models/tiny"), new WeightsId("bench", 0, ""), EngineConfig.DEFAULT)) {
      for (int batch : BATCHES) round(engine, batch, -1);
      double alone = 0;
      for (int batch : BATCHES) {
        double best = 0;
        for (int round = 0; round < ROUNDS; round++)
          best = Math.max(best, round(engine, batch, round));
        if (batch == 1) alone = best;
        ObjectNode node = result.putObject("batch_" + batch);
        node.put("tokens_per_s", Math.round(best));
        node.put("ratio_to_batch_1", Math.round(best / alone * 10) / 10.0);
      }
    }
    return result;
  }

  private static double round(Engine engine, int batch, int round) throws Exception {
    long started = System.nanoTime();
    var calls = new ArrayList<Future<Generation>>();
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int i = 0; i < batch; i++) {
        var random = new SplittableRandom(1000L * round + i);
        Tokens prompt = Tokens.of(random.ints(PROMPT, 0, 505).toArray());
        var request =
            new Policy.Request(
                prompt, Sampling.FULL.withSeed(i), GENERATED, Set.of(), Duration.ofMinutes(5));
        calls.add(threads.submit(() -> engine.generate(request)));
      }
      for (Future<Generation> call : calls) call.get();
    }
    return batch * GENERATED / ((System.nanoTime() - started) / 1e9);
  }
}
