package dev.turnstone.envadapters.peer;

import java.net.Proxy;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.LongSupplier;
import okhttp3.ConnectionPool;
import okhttp3.Dispatcher;
import okhttp3.Dns;
import okhttp3.OkHttpClient;
import okhttp3.Protocol;

/// What all peers of a server share: one HTTP client with its connections, the secrets and the
/// clock.
public final class Peers implements AutoCloseable {
  private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(5);

  /// As many as rollouts that call tools at once: fewer, and each call would connect anew.
  private static final int IDLE_CONNECTIONS = 4096;

  /// Of one message on a WebSocket, and a little more.
  private static final long MAX_MESSAGE_BYTES = 32L << 20;

  private final ToolAddressPolicy addresses;
  private final Dns dns;
  private final Function<String, Optional<String>> secrets;
  private final Pause pause;
  private final LongSupplier nanoTime;
  private Optional<OkHttpClient> client = Optional.empty(); // guarded by this
  private boolean closed; // guarded by this

  public Peers(
      ToolAddressPolicy addresses,
      Dns dns,
      Function<String, Optional<String>> secrets,
      Pause pause,
      LongSupplier nanoTime) {
    this.addresses = addresses;
    this.dns = dns;
    this.secrets = secrets;
    this.pause = pause;
    this.nanoTime = nanoTime;
  }

  // A proxy or a redirect would choose the address in our stead. Calls block on virtual threads, so
  // connecting stays on the caller's thread (no fast fallback) and the call's own timeout is the
  // only one besides that of connecting.
  private OkHttpClient open() {
    return new OkHttpClient.Builder()
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
        .dispatcher(dispatcher())
        .connectionPool(new ConnectionPool(IDLE_CONNECTIONS, 1, TimeUnit.MINUTES))
        .build();
  }

  /// WebSockets read on the dispatcher's threads for as long as they live.
  private static Dispatcher dispatcher() {
    Dispatcher dispatcher =
        new Dispatcher(
            Executors.newThreadPerTaskExecutor(Thread.ofVirtual().name("peer-", 0).factory()));
    dispatcher.setMaxRequests(Integer.MAX_VALUE);
    dispatcher.setMaxRequestsPerHost(Integer.MAX_VALUE);
    return dispatcher;
  }

  /// Waits between two attempts.
  @FunctionalInterface
  public interface Pause {
    void of(Duration time) throws InterruptedException;
  }

  public Peer peer(Endpoint endpoint, int attempts) {
    return new Peer(client(), endpoint, secrets, attempts, pause);
  }

  /// A peer to which one rollout has cookies of its own.
  public Peer peerWithCookies(Endpoint endpoint, int attempts) {
    OkHttpClient own = client().newBuilder().cookieJar(new SessionCookies()).build();
    return new Peer(own, endpoint, secrets, attempts, pause);
  }

  /// The shared client, for protocols beyond one JSON request and its answer. Made when first asked
  /// for: it reads the system's certificates, for which a server's start would wait.
  public synchronized OkHttpClient client() {
    if (closed) throw new IllegalStateException("the peers are closed");
    if (client.isEmpty()) client = Optional.of(open());
    return client.get();
  }

  /// The headers of one request with their secrets.
  ///
  /// @throws RequestHeaders.Unresolved if a secret is not there
  public RequestHeaders resolve(Map<String, HeaderValue> headers) throws RequestHeaders.Unresolved {
    return RequestHeaders.resolve(headers, secrets);
  }

  /// Sockets for one connection whose messages OkHttp does not bound.
  public CheckedSockets boundedSockets() {
    return new CheckedSockets(addresses, MAX_MESSAGE_BYTES);
  }

  public Pause pause() {
    return pause;
  }

  public LongSupplier nanoTime() {
    return nanoTime;
  }

  @Override
  public synchronized void close() {
    closed = true;
    client.ifPresent(open -> {
      open.dispatcher().cancelAll();
      open.connectionPool().evictAll();
      open.dispatcher().executorService().shutdown();
    });
  }
}
