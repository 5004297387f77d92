package dev.turnstone.envadapters;

import dev.turnstone.envadapters.peer.HeaderValue;
import dev.turnstone.envadapters.peer.InvalidEnvironment;
import dev.turnstone.envadapters.peer.Peers;
import dev.turnstone.envadapters.peer.ToolAddressPolicy;
import dev.turnstone.envadapters.tools.CommandJail;
import dev.turnstone.envadapters.tools.Host;
import dev.turnstone.envadapters.tools.TokenCount;
import dev.turnstone.rollout.Environment;
import dev.turnstone.rollout.Environment.EnvironmentLost;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.Reward;
import dev.turnstone.rollout.Task;
import java.net.InetAddress;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.function.Function;
import okhttp3.Dns;
import okhttp3.HttpUrl;

/// The environments of a server by name, and the owner of their connections. Safe for any thread.
///
/// Nothing here is durable: a server stores [EnvironmentSpec#toJson] and registers it again when it
/// starts.
public final class Environments implements AutoCloseable {
  private final ConcurrentSkipListMap<String, ToolEnvironment> byName =
      new ConcurrentSkipListMap<>();

  /// Environments written in Java, which have no spec.
  private final ConcurrentSkipListMap<String, Environment> inJava = new ConcurrentSkipListMap<>();

  private final ToolAddressPolicy addresses;
  private final Function<String, Optional<String>> secrets;
  private final Host host;

  /// An empty registry without a jail for commands, which estimates tokens.
  ///
  /// @param addresses where tools may be
  /// @param secrets environment variables by name, which headers may refer to
  public Environments(ToolAddressPolicy addresses, Function<String, Optional<String>> secrets) {
    this(addresses, secrets, TokenCount.ESTIMATE, CommandJail.NONE);
  }

  /// An empty registry.
  ///
  /// @param tokens of the policy that reads what tools answer
  /// @param jail where the commands of MCP servers run
  public Environments(
      ToolAddressPolicy addresses,
      Function<String, Optional<String>> secrets,
      TokenCount tokens,
      CommandJail jail) {
    this(
        addresses,
        secrets,
        new Host(
            new Peers(addresses, Dns.SYSTEM, secrets, Thread::sleep, System::nanoTime),
            tokens,
            jail));
  }

  Environments(ToolAddressPolicy addresses, Function<String, Optional<String>> secrets, Host host) {
    this.addresses = addresses;
    this.secrets = secrets;
    this.host = host;
  }

  /// Adds an environment that is written in Java.
  ///
  /// @throws InvalidEnvironment if the name is taken
  public void register(String name, Environment environment) {
    if (byName.containsKey(name) || inJava.putIfAbsent(name, environment) != null)
      throw new InvalidEnvironment("environment %s is registered already".formatted(name));
  }

  /// Adds an environment. The same spec again changes nothing.
  ///
  /// @return whether it is new
  /// @throws InvalidEnvironment if the name is taken by another spec, a URL names an address that
  ///   is not allowed, or a header refers to a variable that is not set
  public boolean register(EnvironmentSpec spec) {
    spec.endpoints().forEach(this::check);
    if (inJava.containsKey(spec.environment()))
      throw new InvalidEnvironment(
          "environment %s is one of the server's own".formatted(spec.environment()));
    ToolEnvironment there = byName.putIfAbsent(spec.environment(), new ToolEnvironment(spec, host));
    if (there != null && !there.spec().equals(spec))
      throw new InvalidEnvironment(
          "environment %s is registered with another body; delete it first"
              .formatted(spec.environment()));
    return there == null;
  }

  /// The spec registered under a name.
  public Optional<EnvironmentSpec> find(String name) {
    return Optional.ofNullable(byName.get(name)).map(ToolEnvironment::spec);
  }

  /// What rollouts open sessions of.
  public Optional<Environment> lookup(String name) {
    Environment written = inJava.get(name);
    return written != null ? Optional.of(written) : Optional.ofNullable(byName.get(name));
  }

  /// Scores a stored conversation again, with the rewards as they are registered now.
  ///
  /// @param stepRewards what its turns were given, in order
  /// @return empty if the environment does not score
  /// @throws IllegalArgumentException with one sentence if the environment is not there, or can
  ///   only score a rollout while it is open
  public Optional<Reward> score(Task task, List<Message> transcript, List<Double> stepRewards)
      throws EnvironmentLost, InterruptedException {
    ToolEnvironment environment = byName.get(task.environment());
    if (environment == null)
      throw new IllegalArgumentException(
          "environment %s is not registered, or cannot score what is stored"
              .formatted(task.environment()));
    return environment.score(task, transcript, stepRewards);
  }

  /// Why a task could never run: its environment is unknown, or its data lacks what the reward
  /// needs. One sentence, for refusing the task when it arrives.
  public Optional<String> objection(Task task) {
    if (inJava.containsKey(task.environment())) return Optional.empty();
    ToolEnvironment environment = byName.get(task.environment());
    return environment == null
        ? Optional.of("environment %s is not registered".formatted(task.environment()))
        : environment.objection(task);
  }

  /// All specs by name.
  public List<EnvironmentSpec> list() {
    return byName.values().stream().map(ToolEnvironment::spec).toList();
  }

  /// Forgets an environment; sessions that are open go on.
  ///
  /// @return whether there was one
  public boolean remove(String name) {
    return byName.remove(name) != null;
  }

  /// Cancels what is running and closes all connections.
  @Override
  public void close() {
    host.peers().close();
  }

  /// Finds early what every call would fail on. A name's addresses are only known when connecting.
  private void check(EnvironmentSpec.Placed placed) {
    HttpUrl url = HttpUrl.get(placed.endpoint().url());
    literal(url.host())
        .flatMap(address -> addresses.objection(address, url.port()))
        .ifPresent(why -> {
          throw new InvalidEnvironment("%s.url is refused: %s".formatted(placed.path(), why));
        });
    placed
        .endpoint()
        .headers()
        .forEach((name, value) -> {
          if (value instanceof HeaderValue.Secret secret && secrets.apply(secret.env()).isEmpty())
            throw new InvalidEnvironment(
                "%s.headers.%s.env names a variable that is not set on the server, was \"%s\""
                    .formatted(placed.path(), name, secret.env()));
        });
  }

  private static Optional<InetAddress> literal(String host) {
    if (host.equals("localhost")) return Optional.of(InetAddress.getLoopbackAddress());
    try {
      return Optional.of(InetAddress.ofLiteral(host));
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    }
  }
}
