package dev.turnstone.envadapters;

import java.net.Proxy;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.LongSupplier;
import okhttp3.ConnectionPool;
import okhttp3.Dns;
import okhttp3.OkHttpClient;
import okhttp3.Protocol;

/// What all peers of a server share: one HTTP client with its connections, the secrets and the
/// clock.
final class Peers implements AutoCloseable {
  private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(5);
  private static final int IDLE_CONNECTIONS = 64;

  private final OkHttpClient client;
  private final Function<String, Optional<String>> secrets;
  private final Pause pause;
  private final LongSupplier nanoTime;

  Peers(
      ToolAddressPolicy addresses,
      Dns dns,
      Function<String, Optional<String>> secrets,
      Pause pause,
      LongSupplier nanoTime) {
    this.secrets = secrets;
    this.pause = pause;
    this.nanoTime = nanoTime;
    // A proxy or a redirect would choose the address in our stead. Calls block on virtual threads,
    // so
    // connecting stays on the caller's thread (no fast fallback) and the call's own timeout is the
    // only one besides that of connecting.
    this.client =
        new OkHttpClient.Builder()
            .socketFactory(new CheckedSockets(addresses))
            .dns(dns)
            .proxy(Proxy.NO_PROXY)
            .followRedirects(false)
            .followSslRedirects(false)
            .fastFallback(false)
            .protocols(List.of(Protocol.HTTP_1_1))
            .connectTimeout(CONNECT_TIMEOUT)
            .readTimeout(Duration.ZERO)
            .writeTimeout(Duration.ZERO)
            .connectionPool(new ConnectionPool(IDLE_CONNECTIONS, 1, TimeUnit.MINUTES))
            .build();
  }

  /// Waits between two attempts.
  @FunctionalInterface
  interface Pause {
    void of(Duration time) throws InterruptedException;
  }

  Peer peer(Endpoint endpoint, int attempts) {
    return new Peer(client, endpoint, secrets, attempts, pause);
  }

  LongSupplier nanoTime() {
    return nanoTime;
  }

  @Override
  public void close() {
    client.dispatcher().cancelAll();
    client.connectionPool().evictAll();
    client.dispatcher().executorService().shutdown();
  }
}
