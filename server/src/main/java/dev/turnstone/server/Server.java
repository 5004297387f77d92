package dev.turnstone.server;

import dev.turnstone.engine.Engine;
import dev.turnstone.envadapters.EnvironmentSpec;
import dev.turnstone.envadapters.Environments;
import dev.turnstone.envadapters.peer.InvalidEnvironment;
import dev.turnstone.envadapters.peer.ToolAddressPolicy;
import dev.turnstone.rollout.Environment;
import dev.turnstone.rollout.Json;
import dev.turnstone.rollout.Rollout;
import dev.turnstone.rollout.TrainablePolicy.WeightsRejected;
import dev.turnstone.server.completion.Served;
import dev.turnstone.server.http.Access;
import dev.turnstone.server.http.Contract;
import dev.turnstone.server.http.Dispatch;
import dev.turnstone.server.http.Gate;
import dev.turnstone.server.http.InFlight;
import dev.turnstone.server.http.Metrics;
import dev.turnstone.server.http.Rim;
import dev.turnstone.server.http.StartupError;
import dev.turnstone.server.runs.EnvironmentsApi;
import dev.turnstone.server.runs.FeedApi;
import dev.turnstone.server.runs.RunsApi;
import dev.turnstone.server.runs.TrajectoryJson;
import dev.turnstone.server.runs.WeightsApi;
import dev.turnstone.server.sessions.AgentKeys;
import dev.turnstone.server.sessions.SessionRoutes;
import dev.turnstone.server.sessions.Sessions;
import dev.turnstone.server.sessions.SessionsApi;
import dev.turnstone.server.wires.Steering;
import dev.turnstone.trainerbridge.log.TrajectoryLog;
import dev.turnstone.trainerbridge.runs.Runs;
import dev.turnstone.trainerbridge.weights.Weights;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// A server: what it is made of, who closes it, and which routes it has. The composition root.
///
/// It listens before its policy is loaded, so that a taken port is known at once and `/ready` can
/// say that it is starting.
public final class Server implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Server.class);

  private final Config config;
  private final Contract contract = Contract.load();
  private final Metrics metrics = new Metrics();
  private final InFlight inFlight = new InFlight();
  private final Operations operations = new Operations(metrics, contract, inFlight);
  private final AgentKeys agentKeys;
  private final Rim rim;
  private Optional<Runs> runs = Optional.empty();
  private Optional<RunsApi> runsApi = Optional.empty();

  /// What [#close] closes, in that order.
  private final List<AutoCloseable> owned = new ArrayList<>();

  private Server(Config config) throws InterruptedException {
    this.config = config;
    agentKeys = AgentKeys.open(config.data());
    Access access =
        new Access(
            config.host(),
            config.hosts(),
            config.apiKeys(),
            key -> agentKeys.session(key).isPresent());
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
    Served served;
    TrajectoryLog trajectories;
    try (Ahead<TrajectoryLog> opening = Ahead.load("log", () -> open(config.log().place()))) {
      served = loader.load(metrics);
      if (served.policy() instanceof AutoCloseable policy) owned.addFirst(policy);
      trajectories = opening.take(StartupError.class);
      owned.addFirst(trajectories);
    }
    assemble(served, trajectories);
  }

  private void assemble(Served served, TrajectoryLog trajectories) throws InterruptedException {
    Environments environments = environments(served);
    Weights weights = weights(trajectories, served);
    Sessions sessions =
        new Sessions(served.format(), served.policy()::forget, config.sessions(), System::nanoTime);
    owned.addFirst(sessions);
    metrics.gauge("turnstone.sessions", "Sessions that are open", sessions, Sessions::count);
    Runs loaded = runs(trajectories, served, environments, sessions, weights);
    owned.addFirst(loaded);
    SessionsApi sessionsApi =
        new SessionsApi(sessions, agentKeys, new TrajectoryJson(served.texts())::write);
    RunsApi watched = new RunsApi(loaded, environments, served, sessionsApi);
    runs = Optional.of(loaded);
    runsApi = Optional.of(watched);
    EnvironmentsApi environmentsApi =
        new EnvironmentsApi(environments, trajectories.environments(), watched::user);
    environmentsApi.restore();
    config.environments().forEach(file -> EnvironmentFile.register(file, environments));
    loaded.start();

    owned.addFirst(rim.watch(metrics));
    PolicyRoutes asking = new PolicyRoutes(served, config, metrics);
    SessionRoutes recording = new SessionRoutes(sessions, agentKeys);
    Gate requests = new Gate("requests", config.maxRequests());
    rim.serve(
        Stream.of(
                operations.routes(),
                new Dashboard().routes(),
                recording.recording(asking.generation()),
                recording.passing(asking.models()),
                sessionsApi.routes(requests),
                asking.wires(new Steering(served, loaded, weights)),
                environmentsApi.routes(),
                new EnginesApi(served.policy()).routes(),
                watched.routes(requests),
                new WeightsApi(loaded, weights).routes(),
                new FeedApi(loaded).routes())
            .flatMap(List::stream)
            .toList());
  }

  private Environments environments(Served served) {
    CommandJails jails = new CommandJails();
    owned.addFirst(jails);
    Environments environments =
        new Environments(
            toolAddresses(),
            Server::variable,
            text -> served.texts().encode(text, false).size(),
            jails);
    owned.addFirst(environments);
    return environments;
  }

  private Runs runs(
      TrajectoryLog trajectories,
      Served served,
      Environments environments,
      Sessions sessions,
      Weights weights) {
    return new Runs(
        trajectories,
        new Rollout.Agent(served.policy(), served.format(), served.parser()),
        served.identity(),
        name -> environments.lookup(name).or(() -> registered(environments, trajectories, name)),
        sessions,
        weights,
        config.log().upkeep(),
        System::nanoTime);
  }

  /// An environment that was registered at another server of a shared log.
  private static Optional<Environment> registered(
      Environments environments, TrajectoryLog trajectories, String name) {
    if (!trajectories.shared()) return Optional.empty();
    Optional<Json> stored = trajectories.environments().find(name);
    if (stored.isEmpty()) return Optional.empty();
    try {
      environments.register(EnvironmentSpec.parse(stored.get().text()));
      return environments.lookup(name);
    } catch (InvalidEnvironment e) {
      log.warn("environment {} of another server cannot be used: {}", name, e.getMessage());
      return Optional.empty();
    }
  }

  private static TrajectoryLog open(String place) {
    try {
      return TrajectoryLog.at(place);
    } catch (IOException e) {
      throw new StartupError(String.valueOf(e.getMessage()));
    }
  }

  private ToolAddressPolicy toolAddresses() {
    try {
      return ToolAddressPolicy.of(config.toolAddresses());
    } catch (IllegalArgumentException e) {
      throw new StartupError("tool_addresses: " + e.getMessage());
    }
  }

  private Weights weights(TrajectoryLog trajectories, Served served) throws InterruptedException {
    try {
      if (config.weightRoots().isEmpty()) Files.createDirectories(config.data().resolve("weights"));
      for (Path root : config.weightRootsOrData())
        if (!Files.isDirectory(root))
          throw new StartupError("weight root %s does not exist".formatted(root));
      return Weights.open(
          trajectories, served.policy(), config.weightRootsOrData(), modelFolder(served));
    } catch (WeightsRejected e) {
      throw new StartupError("the weights applied last cannot be loaded: " + e.getMessage());
    } catch (IOException e) {
      throw StartupError.unwritable(config.data(), e);
    }
  }

  /// Where the embedded engine's own weights are, to which adapters may belong.
  private Optional<Path> modelFolder(Served served) {
    return served.policy() instanceof Engine
        ? Optional.of(ModelFolder.find(config.model()).path())
        : Optional.empty();
  }

  private static Optional<String> variable(String name) {
    return Optional.ofNullable(System.getenv(name));
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
    long deadline = System.nanoTime() + config.drain().toNanos();
    inFlight.shut();
    if (runs.isPresent() && !runs.get().drain(config.drain()))
      log.warn(
          "groups were still running after {} s; they start again", config.drain().toSeconds());
    runsApi.ifPresent(RunsApi::stopWatching);
    if (!inFlight.empty(Duration.ofNanos(deadline - System.nanoTime())))
      log.warn("requests were still in flight after {} s", config.drain().toSeconds());
  }

  @Override
  public void close() {
    while (!owned.isEmpty()) {
      AutoCloseable one = owned.removeFirst();
      try {
        one.close();
      } catch (Exception e) {
        log.warn("{} did not close", one.getClass().getSimpleName(), e);
      }
    }
  }
}
