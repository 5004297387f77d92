package dev.turnstone.sandbox.egress;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/// A resolver on threads of its own, with a time limit.
///
/// The system's resolver blocks in native code, which holds the carrier of a virtual thread: with
/// as many slow names as cores, a program would stop the whole service.
final class Lookups implements AllowList.Resolver, AutoCloseable {
  private static final int THREADS = 16;
  private static final int WAITING = 1024;

  private final AllowList.Resolver resolver;
  private final Duration limit;
  private final ThreadPoolExecutor threads =
      new ThreadPoolExecutor(
          THREADS,
          THREADS,
          10,
          TimeUnit.SECONDS,
          new ArrayBlockingQueue<>(WAITING),
          Thread.ofPlatform().daemon().name("egress-lookup-", 0).factory());

  Lookups(AllowList.Resolver resolver, Duration limit) {
    this.resolver = resolver;
    this.limit = limit;
    threads.allowCoreThreadTimeOut(true);
  }

  @Override
  public InetAddress[] addresses(String name) throws UnknownHostException {
    try {
      return within(threads.submit(() -> resolver.addresses(name)), name);
    } catch (RejectedExecutionException e) {
      throw unknown(name, "too many names are being looked up");
    }
  }

  private InetAddress[] within(Future<InetAddress[]> found, String name)
      throws UnknownHostException {
    try {
      return found.get(limit.toNanos(), TimeUnit.NANOSECONDS);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof UnknownHostException unknown) throw unknown;
      throw new IllegalStateException(e.getCause());
    } catch (TimeoutException e) {
      throw unknown(name, "no answer in %s s".formatted(limit.toMillis() / 1e3));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw unknown(name, "the lookup was interrupted");
    } finally {
      found.cancel(true);
    }
  }

  private static UnknownHostException unknown(String name, String why) {
    return new UnknownHostException(name + ": " + why);
  }

  @Override
  public void close() {
    threads.shutdownNow();
  }
}
