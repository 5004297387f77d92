package dev.turnstone.upstream;

import dev.turnstone.upstream.wire.EngineFault;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Does the same to several engines at once, each on a thread of its own.
final class AllEngines {
  private static final Logger LOG = LoggerFactory.getLogger(AllEngines.class);

  private static final Duration ENDING = Duration.ofSeconds(5);

  private AllEngines() {}

  /// What is done to one of them.
  interface Step {
    void run(UpstreamEngine engine) throws EngineFault, InterruptedException;
  }

  /// Returns when all have done it or failed.
  ///
  /// @param failed takes why each failed; an engine that is there already is left alone
  static void each(List<UpstreamEngine> engines, Map<UpstreamEngine, String> failed, Step step)
      throws InterruptedException {
    List<Thread> threads = new ArrayList<>();
    for (UpstreamEngine engine : engines)
      if (!failed.containsKey(engine))
        threads.add(
            Thread.ofVirtual()
                .name("engine-update " + engine.name())
                .start(() -> run(engine, failed, step)));
    try {
      for (Thread thread : threads) thread.join();
    } catch (InterruptedException e) {
      threads.forEach(Thread::interrupt);
      // What they do must not come after what their owner does next.
      for (Thread thread : threads) thread.join(ENDING);
      throw e;
    }
  }

  private static void run(UpstreamEngine engine, Map<UpstreamEngine, String> failed, Step step) {
    try {
      step.run(engine);
    } catch (EngineFault e) {
      failed.put(engine, e.why());
    } catch (InterruptedException e) {
      failed.put(engine, "the update was interrupted");
    } catch (RuntimeException e) {
      LOG.error("update of engine {}", engine.name(), e);
      failed.put(engine, "defect: " + e);
    }
  }
}
