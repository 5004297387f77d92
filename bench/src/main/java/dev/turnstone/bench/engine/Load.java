package dev.turnstone.bench.engine;

import dev.turnstone.rollout.Generation;
import dev.turnstone.rollout.Policy;
import dev.turnstone.rollout.Sampling;
import dev.turnstone.rollout.Tokens;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/// Requests in flight at a policy, and how far they are.
final class Load implements AutoCloseable {
  private static final long POLL_NANOS = 200_000;

  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final List<Future<Generation>> calls = new ArrayList<>();
  private final AtomicLong tokens = new AtomicLong();
  private final AtomicLong last = new AtomicLong(System.nanoTime());
  private final AtomicLong longest = new AtomicLong();
  private final AtomicInteger begun = new AtomicInteger();
  private final AtomicInteger ended = new AtomicInteger();

  /// Sends a request at temperature 1 that generates exactly so many tokens.
  void send(Policy policy, Tokens prompt, int generate, long seed) {
    var request =
        new Policy.Request(
            prompt, Sampling.FULL.withSeed(seed), generate, Set.of(), Duration.ofMinutes(10));
    calls.add(
        threads.submit(() -> {
          boolean[] first = {true};
          Generation generation =
              policy.generate(
                  request,
                  (_, _, _) -> {
                    if (first[0]) begun.incrementAndGet();
                    first[0] = false;
                    tokens.incrementAndGet();
                    arrived();
                  });
          ended.incrementAndGet();
          return generation;
        }));
  }

  /// On the policy's own thread.
  private void arrived() {
    long now = System.nanoTime();
    long before = last.getAndSet(now);
    longest.accumulateAndGet(now - before, Math::max);
  }

  /// The longest time in nanoseconds in which no token came, since this was asked before.
  long longestGap() {
    return longest.getAndSet(0);
  }

  long tokens() {
    return tokens.get();
  }

  /// Whether some request has ended.
  boolean thins() {
    return ended.get() > 0;
  }

  void awaitAllBegun() throws Exception {
    while (begun.get() < calls.size()) pause();
  }

  /// Returns when so many tokens are there, or when some request has ended.
  void awaitTokens(long target) throws Exception {
    while (tokens.get() < target && !thins()) pause();
  }

  private void pause() throws Exception {
    LockSupport.parkNanos(POLL_NANOS);
    for (Future<Generation> call : calls) if (call.state() == Future.State.FAILED) call.get();
  }

  void awaitAll() throws Exception {
    for (Future<Generation> call : calls) call.get(10, TimeUnit.MINUTES);
  }

  @Override
  public void close() {
    threads.shutdownNow();
    threads.close();
  }
}
