package dev.turnstone.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.engine.ModelConfig;
import dev.turnstone.engine.ModelException;
import dev.turnstone.engine.chat.TemplateChatFormat;
import dev.turnstone.engine.chat.Tokenizer;
import dev.turnstone.rollout.TrainablePolicy.WeightsRejected;
import dev.turnstone.server.http.StartupError;
import dev.turnstone.server.http.Wire;
import dev.turnstone.trainerbridge.client.FeedClient;
import dev.turnstone.trainerbridge.client.FeedClosed;
import dev.turnstone.trainerbridge.client.FeedOptions;
import dev.turnstone.trainerbridge.spec.PolicyIdentity;
import dev.turnstone.trainerbridge.trainer.EventFile;
import dev.turnstone.trainerbridge.trainer.Trainer;
import dev.turnstone.trainerbridge.trainer.TrainerConfig;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/// `turnstone train`: the reference trainer, a process of its own that meets its server over the
/// feed.
@Command(
    name = "train",
    description = {
      "Trains the policy of a run: takes groups from the server's feed, sends weights" + " back.",
      "Prints one JSON object per step. The same --dir goes on where it stopped."
    },
    mixinStandardHelpOptions = true)
final class TrainCommand implements Callable<Integer> {
  @Option(names = "--server", paramLabel = "URL", description = "${DEFAULT-VALUE}.")
  private URI server = URI.create("http://127.0.0.1:8000");

  @Option(names = "--run", paramLabel = "NAME", required = true, description = "Run to train.")
  private String run = "";

  @Option(
      names = "--model",
      paramLabel = "tiny|DIR|ORG/NAME",
      description = "Policy that training starts from, the one that the server serves; tiny.")
  private String model = "tiny";

  @Option(
      names = "--dir",
      paramLabel = "DIR",
      required = true,
      description = {
        "Checkpoints, published weights, metrics.jsonl and TensorBoard files; the server must allow it,",
        "unless weights are streamed."
      })
  private Path directory = Path.of("");

  @Option(names = "--steps", paramLabel = "N", description = "In all; ${DEFAULT-VALUE}.")
  private int steps = 100;

  @Option(names = "--inner-steps", paramLabel = "N", description = "Per batch; ${DEFAULT-VALUE}.")
  private int innerSteps = 1;

  @Option(names = "--learning-rate", paramLabel = "R", description = "${DEFAULT-VALUE}.")
  private double learningRate = 1e-4;

  @Option(
      names = "--final-learning-rate",
      paramLabel = "R",
      description = "Reached in a straight line at the last step; the same.")
  private Optional<Double> finalLearningRate = Optional.empty();

  @Option(names = "--weight-decay", paramLabel = "W", description = "${DEFAULT-VALUE}.")
  private double weightDecay;

  @Option(names = "--clip-norm", paramLabel = "X", description = "${DEFAULT-VALUE}.")
  private double clipNorm = 1;

  @Mixin private AlgorithmOptions algorithm = new AlgorithmOptions();

  @Option(
      names = "--micro-batch-tokens",
      paramLabel = "N",
      description = "Of one forward pass; ${DEFAULT-VALUE}.")
  private int microBatchTokens = 8192;

  @Option(names = "--threads", paramLabel = "N", description = "${DEFAULT-VALUE}.")
  private int threads = 1;

  @Option(
      names = "--patience",
      paramLabel = "SECONDS",
      description = "For the server and for the next group; ${DEFAULT-VALUE}.")
  private long patience = 600;

  @Option(
      names = "--stream-weights",
      description = "Send weights over the feed, to a server on another machine.")
  private boolean streamWeights;

  @Spec private CommandSpec spec = CommandSpec.create();

  @Override
  public Integer call() throws InterruptedException {
    try {
      Path folder = ModelFolder.find(model).path();
      TrainerConfig config = config(folder);
      Files.createDirectories(directory);
      try (FeedClient feed = FeedClient.connect(options(folder), Duration.ofSeconds(patience));
          PrintWriter log = metrics();
          EventFile events = EventFile.begin(directory.resolve("tensorboard"));
          Trainer trainer =
              new Trainer(config, feed, figures -> print(log, events, figures), reported())) {
        trainer.run();
      }
      return 0;
    } catch (ModelException
        | WeightsRejected
        | FeedClosed
        | IOException
        | UncheckedIOException
        | IllegalArgumentException e) {
      throw new StartupError(String.valueOf(e.getMessage()));
    }
  }

  private TrainerConfig config(Path folder) {
    return new TrainerConfig(
        folder,
        directory,
        run,
        steps,
        innerSteps,
        learningRate,
        finalLearningRate.orElse(learningRate),
        weightDecay,
        clipNorm,
        algorithm.objective(),
        microBatchTokens,
        threads,
        Duration.ofSeconds(patience),
        streamWeights);
  }

  private FeedOptions options(Path folder) throws IOException, ModelException {
    var options =
        FeedOptions.of(server, run, "turnstone-train-" + ProcessHandle.current().pid())
            .withPolicy(identity(folder));
    Optional<String> key = Optional.ofNullable(System.getenv(ServeCommand.KEY_VARIABLE));
    if (key.isPresent()) options = options.withApiKey(key.get());
    OptionalLong committed = Trainer.committed(directory);
    return committed.isPresent() ? options.withCommit(committed.getAsLong()) : options;
  }

  private static PolicyIdentity identity(Path folder) throws ModelException {
    try (Tokenizer tokenizer = Tokenizer.load(folder)) {
      return new PolicyIdentity(
          tokenizer.sha256(),
          TemplateChatFormat.load(folder, tokenizer).templateSha256(),
          ModelConfig.read(folder).vocabulary());
    }
  }

  /// The last step in the metrics file, which is open already.
  private int reported() throws IOException {
    int last = 0;
    for (String line : Files.readAllLines(directory.resolve("metrics.jsonl")))
      last = Math.max(last, Wire.JSON.readTree(line).path("step").asInt());
    return last;
  }

  /// Opens the metrics file behind its last whole line: a kill may have cut one off.
  private PrintWriter metrics() throws IOException {
    Path file = directory.resolve("metrics.jsonl");
    if (Files.exists(file)) {
      String text = Files.readString(file);
      Files.writeString(file, text.substring(0, text.lastIndexOf('\n') + 1));
    }
    BufferedWriter lines =
        Files.newBufferedWriter(file, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    return new PrintWriter(lines, true);
  }

  /// Tells a step: to the file, to standard output, to TensorBoard, and its alarms to people.
  private void print(PrintWriter log, EventFile events, ObjectNode figures) {
    log.println(figures);
    spec.commandLine().getOut().println(figures);
    for (JsonNode alarm : figures.path("alarms"))
      spec.commandLine()
          .getErr()
          .println("step %s: %s".formatted(figures.path("step"), alarm.asText()));
    try {
      events.add(figures.path("step").asLong(), scalars("", figures));
    } catch (IOException e) {
      throw new UncheckedIOException("the TensorBoard file cannot be written", e);
    }
  }

  /// Every number of the figures; those of an inner object under `name/`.
  private static Map<String, Double> scalars(String prefix, JsonNode figures) {
    var scalars = new LinkedHashMap<String, Double>();
    figures
        .properties()
        .forEach(entry -> {
          JsonNode value = entry.getValue();
          if (value.isNumber()) scalars.put(prefix + entry.getKey(), value.asDouble());
          if (value.isObject()) scalars.putAll(scalars(prefix + entry.getKey() + "/", value));
        });
    return scalars;
  }
}
