package dev.turnstone.server;

import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// A server: what it is made of and which routes it has. The composition root.
///
/// It listens before its policy is loaded, so that a taken port is known at once and `/ready` can
/// say that it is starting.
final class Server implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Server.class);

  private final Config config;
  private final Contract contract = Contract.load();
  private final Metrics metrics = new Metrics();
  private final InFlight inFlight = new InFlight();
  private final Operations operations = new Operations(metrics, contract, inFlight);
  private final Rim rim;

  /// What [#close] closes, in that order.
  private final List<AutoCloseable> owned = new ArrayList<>();

  private Server(Config config) throws InterruptedException {
    this.config = config;
    Access access = new Access(config.host(), config.hosts(), config.apiKeys());
    Dispatch dispatch = new Dispatch(access, contract, metrics, inFlight);
    rim = Rim.listen(config.host(), config.port(), dispatch, operations.starting());
    owned.addAll(List.of(rim, metrics));
  }

  /// Loads the policy that a server serves.
  @FunctionalInterface
  interface PolicyLoader {
    Served load(Metrics metrics) throws InterruptedException;
  }

  /// Binds the port. Until [#serve] only `/health` and `/ready` answer.
  ///
  /// @throws StartupError if the operator asked for something that cannot be
  static Server listen(Config config) throws InterruptedException {
    return new Server(config);
  }

  /// Loads the policy, goes on with what an earlier process left, and opens all routes.
  ///
  /// @throws StartupError if the policy cannot be loaded or the stored state cannot be used
  void serve(PolicyLoader loader) throws InterruptedException {
    Served served = loader.load(metrics);
    if (served.policy() instanceof AutoCloseable policy) owned.add(policy);
    Gate completions = new Gate("completions", config.maxCompletions());
    metrics.gauge(
        "turnstone.completions", "Chat completions in flight", completions, Gate::inFlight);
    Chat chat = new Chat(served, config.completionTimeout(), Clock.systemUTC());

    List<Route> routes = new ArrayList<>(operations.routes());
    routes.addAll(chat.routes(completions));
    rim.serve(routes);
  }

  String url() {
    String host = config.host().contains(":") ? "[" + config.host() + "]" : config.host();
    return "http://%s:%d".formatted(host, port());
  }

  int port() {
    return rim.port();
  }

  /// Takes no more work and waits, within bounds, for what is in flight.
  void drain() throws InterruptedException {
    if (!inFlight.drain(config.drain()))
      log.warn("requests were still in flight after {} s", config.drain().toSeconds());
  }

  @Override
  public void close() {
    for (AutoCloseable one : owned) {
      try {
        one.close();
      } catch (Exception e) {
        log.warn("{} did not close", one.getClass().getSimpleName(), e);
      }
    }
  }
}
