package dev.turnstone.upstream.http;

import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.Deque;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import javax.net.ssl.SSLSocketFactory;

/// The connections to all engines: those that wait for their next request, and the calls that use
/// the others. Safe for many threads.
public final class Connections implements AutoCloseable {
  /// Below uvicorn's usual 5 s, after which vLLM closes what is idle.
  private static final Duration IDLE = Duration.ofSeconds(4);

  /// How much later than it may wait a call is ended.
  private static final Duration SWEEP = Duration.ofMillis(100);

  private final Supplier<SSLSocketFactory> tls;
  private final Map<Origin, Deque<Idle>> idle = new ConcurrentHashMap<>();
  private final Set<EngineCall> running = ConcurrentHashMap.newKeySet();
  private volatile boolean closed;

  /// Connections whose certificates the JVM's own authorities must have signed.
  public Connections() {
    this(() -> (SSLSocketFactory) SSLSocketFactory.getDefault());
  }

  Connections(Supplier<SSLSocketFactory> tls) {
    this.tls = tls;
    Thread.ofVirtual().name("engine-calls").start(this::sweep);
  }

  private record Idle(Connection connection, long since) {
    boolean isUsable() {
      return !isOld() && connection.isQuiet();
    }

    boolean isOld() {
      return System.nanoTime() - since > IDLE.toNanos();
    }
  }

  /// A request that has not been sent.
  ///
  /// @param head of it, but for what connections need
  /// @param timeout for all of it
  /// @param silence after which an engine that sends nothing has lost it; zero: the timeout's
  public EngineCall call(
      URI engine, RequestHead head, byte[] body, Duration timeout, Duration silence) {
    Origin origin = Origin.of(engine);
    return new EngineCall(this, origin, head.with(origin, engine, body), timeout, silence);
  }

  /// A connection that nobody else uses.
  Connection take(Origin origin, Patience patience) throws IOException {
    Optional<Idle> kept = Optional.ofNullable(at(origin).pollFirst());
    if (kept.isPresent() && kept.get().isUsable()) return kept.get().connection;
    kept.ifPresent(old -> old.connection.close());
    return Connection.open(origin, patience, tls);
  }

  /// Keeps a connection whose reply was read to its end. The latest is the next to be used, so
  /// those that are not needed grow old.
  void giveBack(Connection connection) {
    Deque<Idle> others = at(connection.origin());
    others.addFirst(new Idle(connection, System.nanoTime()));
    if (closed) closeAll();
  }

  private Deque<Idle> at(Origin origin) {
    return idle.computeIfAbsent(origin, o -> new ConcurrentLinkedDeque<>());
  }

  void begun(EngineCall call) {
    running.add(call);
    if (closed) call.cancel();
  }

  void ended(EngineCall call) {
    running.remove(call);
  }

  private void sweep() {
    try {
      while (!closed || !running.isEmpty()) {
        TimeUnit.NANOSECONDS.sleep(SWEEP.toNanos());
        running.stream().filter(EngineCall::isLate).forEach(EngineCall::giveUp);
        idle.values().forEach(Connections::closeOld);
      }
    } catch (InterruptedException e) {
      throw new AssertionError("nobody interrupts it", e);
    } finally {
      closeAll(); // what was in hand while the others were closed
    }
  }

  private static void closeOld(Deque<Idle> kept) {
    for (Idle one = kept.pollLast(); one != null; one = kept.pollLast()) {
      if (!one.isOld()) {
        kept.addLast(one);
        return;
      }
      one.connection.close();
    }
  }

  private void closeAll() {
    for (Deque<Idle> kept : idle.values())
      for (Idle one = kept.pollFirst(); one != null; one = kept.pollFirst()) one.connection.close();
  }

  /// Calls that run go on until they end, or may wait no longer.
  @Override
  public void close() {
    closed = true;
    closeAll();
  }
}
