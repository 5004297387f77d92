package dev.turnstone.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.engine.Engine;
import dev.turnstone.rollout.Sampling;
import dev.turnstone.server.completion.Served;
import dev.turnstone.server.http.Metrics;
import dev.turnstone.server.http.StartupError;
import dev.turnstone.server.http.Wire;
import dev.turnstone.upstream.UpstreamPolicy;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/// `turnstone serve`: settings from file, environment and flags, the later winning; then the server
/// until it is told to stop.
@Command(
    name = "serve",
    description = "Serves a policy: chat completions, environments, runs and their feeds.",
    mixinStandardHelpOptions = true)
final class ServeCommand implements Callable<Integer> {
  static final String KEY_VARIABLE = "TURNSTONE_API_KEY";
  static final String LOG_VARIABLE = "TURNSTONE_LOG_URL";

  @Option(
      names = "--model",
      paramLabel = "tiny|DIR|ORG/NAME",
      description = "Policy to serve; ORG/NAME[@REVISION] comes from the Hugging Face hub.")
  private Optional<String> model = Optional.empty();

  @Option(
      names = "--engine",
      paramLabel = "vllm=URL|sglang=URL",
      description = "Engine elsewhere that generates, instead of --model; may be repeated.")
  private List<String> engines = List.of();

  @Option(
      names = "--tokenizer",
      paramLabel = "DIR|ORG/NAME",
      description = "Tokenizer and chat template of the --engine's model.")
  private Optional<String> tokenizer = Optional.empty();

  @Option(names = "--port", paramLabel = "PORT", description = "8000; 0 takes a free one.")
  private Optional<Integer> port = Optional.empty();

  @Option(
      names = "--host",
      paramLabel = "HOST",
      description = "127.0.0.1; another needs a key in " + KEY_VARIABLE + ".")
  private Optional<String> host = Optional.empty();

  @Option(
      names = "--data",
      paramLabel = "DIR",
      description = "What must survive; ./turnstone-data.")
  private Optional<String> data = Optional.empty();

  @Option(
      names = "--log",
      paramLabel = "URL",
      description =
          "jdbc:postgresql://HOST/DATABASE for a log that several servers share; also in "
              + LOG_VARIABLE
              + ", which other users cannot see. Else DATA holds the log.")
  private Optional<String> log = Optional.empty();

  @Option(names = "--config", paramLabel = "FILE", description = "YAML with these and more.")
  private Optional<Path> config = Optional.empty();

  @Option(
      names = "--weight-root",
      paramLabel = "DIR",
      description = "Folder under which new weights may lie; may be repeated; DATA/weights.")
  private List<String> weightRoots = List.of();

  @Option(
      names = "--tool-address",
      paramLabel = "ADDRESS",
      description = "Private address that tools may have, such as 127.0.0.1:9000; may be repeated.")
  private List<String> toolAddresses = List.of();

  @Option(
      names = "--tool-parser",
      paramLabel = "NAME",
      description =
          "How the policy writes tool calls: hermes, qwen3_coder, llama3_json, pythonic, mistral, "
              + "deepseek_v3, deepseek_v31, glm45, kimi_k2 or none; by its chat template.")
  private Optional<String> toolParser = Optional.empty();

  @Option(
      names = "--reasoning-parser",
      paramLabel = "NAME",
      description = "Tags of its reasoning: think, mistral or none; by its chat template.")
  private Optional<String> reasoningParser = Optional.empty();

  @Option(
      names = "--generation-config",
      paramLabel = "auto|none",
      description =
          "auto: what an agent's request does not say is sampled as the model's "
              + "generation_config.json wants it; none: from the whole distribution.")
  private Optional<String> generationConfig = Optional.empty();

  @Option(
      names = "--environment",
      paramLabel = "FILE",
      description = "YAML of an environment, which may hold commands; may be repeated.")
  private List<String> environments = List.of();

  @Spec private CommandSpec spec = CommandSpec.create();

  @Override
  public Integer call() throws InterruptedException {
    Config settings = settings(Optional.ofNullable(System.getenv(KEY_VARIABLE)));
    try (Server server = Server.listen(settings)) {
      Signals stop = Signals.install();
      server.serve(metrics -> load(settings, metrics));
      spec.commandLine().getOut().printf("listening on %s%n", server.url());
      stop.await();
      server.drain();
    }
    return 0;
  }

  static Served load(Config settings, Metrics metrics) throws InterruptedException {
    if (settings.policy().isPresent()) {
      Served served =
          settings.policy().get().load(settings.toolParser(), settings.reasoningParser());
      if (served.policy() instanceof UpstreamPolicy policy)
        UpstreamMetrics.register(metrics, policy);
      return served;
    }
    ModelFolder folder = ModelFolder.find(settings.model());
    Sampling defaults = settings.makersSampling() ? folder.makersSampling() : Sampling.FULL;
    Served served =
        folder
            .load(settings.engine(), settings.toolParser(), settings.reasoningParser())
            .withDefaults(defaults);
    if (served.policy() instanceof Engine engine)
      EngineMetrics.register(metrics, engine, served.name());
    return served;
  }

  /// Everything that was said, in one place.
  Config settings(Optional<String> key) {
    ObjectNode said = config.map(Settings::read).orElseGet(Wire.JSON::createObjectNode);
    model.ifPresent(value -> said.put("model", value));
    for (String value : engines)
      list(said.withObject("/policy"), "engines").add(PolicySettings.engine(value));
    tokenizer.ifPresent(value -> said.withObject("/policy").put("tokenizer", value));
    port.ifPresent(value -> said.put("port", value));
    host.ifPresent(value -> said.put("host", value));
    data.ifPresent(value -> said.put("data", value));
    toolParser.ifPresent(value -> said.put("tool_parser", value));
    reasoningParser.ifPresent(value -> said.put("reasoning_parser", value));
    generationConfig.ifPresent(value -> said.put("generation_config", value));
    log.or(() -> Optional.ofNullable(System.getenv(LOG_VARIABLE)))
        .filter(value -> !value.isBlank())
        .ifPresent(value -> said.withObject("/log").put("url", value));
    for (String value : weightRoots) list(said, "weight_roots").add(value);
    for (String value : toolAddresses) list(said, "tool_addresses").add(value);
    for (String value : environments) list(said, "environments").add(value);
    key.filter(value -> !value.isBlank())
        .ifPresent(value -> list(said, "api_keys").addObject().put("key", value));
    return Config.of(said);
  }

  private static ArrayNode list(ObjectNode said, String name) {
    return switch (said.path(name)) {
      case ArrayNode list -> list;
      case MissingNode none -> said.putArray(name);
      case JsonNode value ->
          throw new StartupError("%s must be a list, but is %s".formatted(name, value));
    };
  }
}
