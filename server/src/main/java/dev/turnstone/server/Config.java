package dev.turnstone.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.engine.CacheSize;
import dev.turnstone.engine.EngineConfig;
import dev.turnstone.engine.Precision;
import dev.turnstone.engine.chat.tools.ReasoningTags;
import dev.turnstone.engine.chat.tools.ToolFormat;
import dev.turnstone.engine.chat.tools.ToolFormats;
import dev.turnstone.server.http.ApiKey;
import dev.turnstone.server.http.KeyLimit;
import dev.turnstone.server.http.Scope;
import dev.turnstone.server.http.StartupError;
import dev.turnstone.server.sessions.SessionTimes;
import dev.turnstone.trainerbridge.log.Retention;
import dev.turnstone.trainerbridge.runs.Runs;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Function;

/// What an operator decides about a server, from configuration file, environment and flags.
///
/// @param model a folder, or the name of a policy that comes with Turnstone; empty with `policy`
/// @param policy the engines elsewhere that are the policy, if any
/// @param port 0 takes a free one
/// @param data where everything that must survive is kept, the trajectory log too unless `log` says
///   otherwise
/// @param log where the trajectory log is and what it keeps
/// @param hosts names besides `host` under which clients reach the server
/// @param weightRoots folders under which a trainer's weights must lie
/// @param toolAddresses private addresses that tools may have
/// @param environments YAML files of environments, which may hold commands
/// @param maxCompletions chat completions in flight
/// @param maxRequests other requests in flight
/// @param completionTimeout after which a completion ends with what it has
/// @param ping after which a stream that has nothing to say says that it lives
/// @param drain how long a stopping server waits for what is in flight
/// @param sessions how long sessions wait, and how many there may be
/// @param toolParser how the policy writes tool calls; empty: as its chat template teaches
/// @param reasoningParser between which tags it thinks; empty: those of its chat template
/// @param makersSampling whether an agent's request is sampled as the model's
///   `generation_config.json` wants where it does not say
/// @param engine how much the embedded engine may use
record Config(
    String model,
    Optional<PolicySettings> policy,
    String host,
    int port,
    Path data,
    Log log,
    List<String> hosts,
    List<ApiKey> apiKeys,
    List<Path> weightRoots,
    List<String> toolAddresses,
    List<Path> environments,
    int maxCompletions,
    int maxRequests,
    Duration completionTimeout,
    Duration ping,
    Duration drain,
    SessionTimes sessions,
    Optional<ToolFormat> toolParser,
    Optional<ReasoningTags> reasoningParser,
    boolean makersSampling,
    EngineConfig engine) {

  /// Reads settings by the names that the configuration file gives them.
  ///
  /// @throws StartupError if a name is unknown or a value cannot be
  static Config of(ObjectNode settings) {
    Settings given = new Settings(settings, "");
    Path data = Path.of(given.text("data", "./turnstone-data"));
    Config config =
        new Config(
            given.text("model", ""),
            PolicySettings.read(given.node("policy")),
            given.text("host", "127.0.0.1"),
            given.integer("port", 8000, 0, 65535),
            data,
            log(given.node("log"), data),
            given.texts("hosts"),
            given.each("api_keys", Config::apiKey),
            given.texts("weight_roots").stream().map(Path::of).toList(),
            given.texts("tool_addresses"),
            given.texts("environments").stream().map(Path::of).toList(),
            given.integer("max_completions", 256, 1, 100_000),
            given.integer("max_requests", 1024, 1, 100_000),
            given.seconds("completion_timeout_s", 600),
            given.seconds("ping_s", 10),
            given.seconds("drain_s", 30),
            new SessionTimes(
                given.seconds("retry_grace_s", 10),
                given.seconds("reward_timeout_s", 60),
                given.integer("max_sessions", 20_000, 1, 1_000_000)),
            named(given, "tool_parser", ToolFormats::named, ToolFormats.names()),
            named(given, "reasoning_parser", ReasoningTags::named, ReasoningTags.names()),
            given.word("generation_config", GenerationConfig.AUTO, GenerationConfig.class)
                == GenerationConfig.AUTO,
            engine(given.node("engine")));
    given.checkAllKnown();
    if (config.model.isEmpty() && config.policy.isEmpty())
      throw new StartupError(
          "say which policy to serve: --model tiny, --model FOLDER, or --engine vllm=URL"
              + " --tokenizer FOLDER");
    if (!config.model.isEmpty() && config.policy.isPresent())
      throw new StartupError(
          "model and policy exclude each other: the engines have model %s loaded, or another"
              .formatted(config.model));
    return config;
  }

  /// What the operator calls by a name; empty if by none.
  private static <T> Optional<T> named(
      Settings given, String setting, Function<String, Optional<T>> find, List<String> names) {
    String name = given.text(setting, "");
    if (name.isEmpty()) return Optional.empty();
    return Optional.of(
        find.apply(name)
            .orElseThrow(() ->
                new StartupError(
                    "%s must be one of %s, but is %s"
                        .formatted(setting, String.join(", ", names), name))));
  }

  private enum GenerationConfig {
    AUTO,
    NONE
  }

  /// The trajectory log.
  ///
  /// @param place a folder for SQLite, or a `jdbc:postgresql:` URL that several servers may share
  /// @param upkeep what it keeps, and how long a server that says nothing keeps its groups
  record Log(String place, Runs.Upkeep upkeep) {}

  private static Log log(JsonNode node, Path data) {
    Settings given = new Settings(node, "log.");
    String url = given.text("url", "");
    Log log =
        new Log(
            url.isEmpty() ? data.toString() : url,
            new Runs.Upkeep(
                new Retention.Policy(
                    (long) given.integer("keep_mib", 16 << 10, 0, Integer.MAX_VALUE) << 20,
                    Duration.ofDays(given.integer("keep_days", 30, 0, 36500))),
                given.seconds("lease_s", 10)));
    given.checkAllKnown();
    if (log.place.startsWith("jdbc:") && !log.place.startsWith("jdbc:postgresql:"))
      throw new StartupError(
          "log.url must be a jdbc:postgresql: URL, but is one of " + log.place.split(":", 3)[1]);
    return log;
  }

  private static EngineConfig engine(JsonNode node) {
    Settings given = new Settings(node, "engine.");
    EngineConfig usual = EngineConfig.DEFAULT;
    int batch = given.integer("max_batch_tokens", usual.maxBatchTokens(), 1, 1 << 20);
    int sequences = given.integer("max_sequences", Math.min(usual.maxSequences(), batch), 1, batch);
    int threads = given.integer("threads", 0, 0, 1024);
    EngineConfig engine =
        new EngineConfig(
            given.word("precision", usual.precision(), Precision.class),
            (long) given.integer("kv_mib", (int) (CacheSize.FITTING >> 20), 0, 1 << 24) << 20,
            batch,
            sequences,
            threads == 0 ? Runtime.getRuntime().availableProcessors() : threads,
            given.integer("seed", 0, 0, Integer.MAX_VALUE),
            given.word("forward", usual.forward(), EngineConfig.Forward.class),
            given.flag("deterministic", usual.deterministic()),
            given.word("retention", usual.retention(), dev.turnstone.engine.Retention.class));
    given.checkAllKnown();
    return engine;
  }

  private static ApiKey apiKey(JsonNode node) {
    Settings given = new Settings(node, "api_keys.");
    String key = given.text("key", "");
    String scope = given.text("scope", "admin");
    KeyLimit limit =
        new KeyLimit(
            given.bound("max_in_flight"), given.bound("requests_per_minute"), System::nanoTime);
    given.checkAllKnown();
    if (key.isEmpty()) throw new StartupError("api_keys has an entry without a key");
    for (Scope known : List.of(Scope.AGENT, Scope.RUN, Scope.ADMIN))
      if (known.wire().equals(scope.toLowerCase(Locale.ROOT))) return new ApiKey(key, known, limit);
    throw new StartupError("api_keys.scope must be agent, run or admin, but is " + scope);
  }

  /// Where weights may lie when nothing else is said: what the server's own data holds.
  List<Path> weightRootsOrData() {
    return weightRoots.isEmpty() ? List.of(data.resolve("weights")) : weightRoots;
  }
}
