package dev.turnstone.trainerbridge.trainer;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.engine.Model;
import dev.turnstone.engine.ModelConfig;
import dev.turnstone.engine.ModelException;
import dev.turnstone.engine.Parameters;
import dev.turnstone.engine.Precision;
import dev.turnstone.engine.Safetensors;
import dev.turnstone.rollout.TrainablePolicy.WeightsRejected;
import dev.turnstone.trainerbridge.algorithm.Objective;
import dev.turnstone.trainerbridge.algorithm.StepBatch;
import dev.turnstone.trainerbridge.client.Delivered;
import dev.turnstone.trainerbridge.client.FeedClient;
import dev.turnstone.trainerbridge.client.FeedClosed;
import dev.turnstone.trainerbridge.trainer.Learner.Outputs;
import dev.turnstone.trainerbridge.weights.WeightsFolder;
import dev.turnstone.trainerbridge.wire.FeedMessage;
import dev.turnstone.trainerbridge.wire.GroupFrame;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Consumer;

/// The reference trainer: takes groups from a run's feed, takes a step of its algorithm per
/// `groups_per_version` groups, and sends the new weights back.
///
/// The order within a step makes a kill at any point harmless: optimizer step, checkpoint with the
/// feed's cursor, publish, `trained`, `commit`. What a checkpoint covers is never trained again;
/// what it does not cover is delivered again.
public final class Trainer implements AutoCloseable {
  private final TrainerConfig config;
  private final FeedClient feed;
  private final Consumer<ObjectNode> metrics;
  private final Learner learner;
  private final WeightsFolder published;
  private final Path checkpoints;
  private final Optional<Parameters> reference;
  private final List<String> missing = new ArrayList<>();
  private String lineage;
  private int version;
  private int step;
  private long seq;

  /// Loads the newest checkpoint, or the model that training starts from.
  ///
  /// @param metrics takes one JSON object per step
  /// @param reported last step whose object it took already; a checkpoint may be one ahead
  public Trainer(TrainerConfig config, FeedClient feed, Consumer<ObjectNode> metrics, int reported)
      throws IOException, ModelException {
    this.config = config;
    this.feed = feed;
    this.metrics = metrics;
    this.checkpoints = config.directory().resolve("checkpoints");
    this.published = new WeightsFolder(config.directory().resolve("weights"));
    Optional<Checkpoint> checkpoint = Checkpoint.newest(checkpoints);
    Model model = new Model(ModelConfig.read(config.model()), Precision.F32);
    Parameters start =
        checkpoint.isPresent()
            ? model.loadFile(checkpoint.get().weights())
            : model.load(config.model());
    this.learner =
        new Learner(
            model,
            start,
            config.optimizer(),
            config.objective().advantage().critic().isPresent(),
            config.threads());
    this.reference =
        config.objective().readsReference()
            ? Optional.of(model.load(config.model()))
            : Optional.empty();
    this.lineage = checkpoint.map(Checkpoint::lineage).orElse(config.run());
    if (checkpoint.isPresent()) {
      checkpoint.get().restore(learner);
      version = checkpoint.get().version();
      step = checkpoint.get().step();
      seq = checkpoint.get().seq();
      if (step > reported) metrics.accept(checkpoint.get().figures());
    }
  }

  /// The last group of the feed that the newest checkpoint under a trainer's directory covers.
  public static OptionalLong committed(Path directory) throws IOException {
    return Checkpoint.newest(directory.resolve("checkpoints")).stream()
        .mapToLong(Checkpoint::seq)
        .findFirst();
  }

  /// Trains until the steps are done or the run ends.
  public void run()
      throws IOException, InterruptedException, WeightsRejected, ModelException, FeedClosed {
    catchUp();
    FeedMessage.Limits limits = feed.welcome().limits();
    int window = limits.groupsPerVersion() * (limits.maxStaleness() + 1);
    feed.open(window, Math.multiplyExact(limits.messageBytes(), window));
    while (step < config.steps()) {
      long waiting = System.nanoTime();
      List<GroupFrame> groups = new ArrayList<>();
      boolean more = collect(groups);
      if (!groups.isEmpty()) train(groups, millisSince(waiting));
      if (!more) return;
    }
  }

  /// Makes the server serve what this trainer holds. A fresh trainer continues the lineage of an
  /// untrained policy. After a restart the server may serve older weights than the checkpoint has,
  /// or newer ones that no checkpoint has: those cannot be made again, so what follows is a new
  /// lineage.
  private void catchUp() throws IOException, WeightsRejected, FeedClosed, InterruptedException {
    FeedMessage.Welcome welcome = feed.welcome();
    if (step == 0 && welcome.version() == 0) {
      lineage = welcome.lineage();
      return;
    }
    boolean ahead = welcome.version() > version;
    if (!welcome.lineage().equals(lineage) || ahead) lineage = config.run() + "-" + welcome.epoch();
    if (ahead || welcome.version() < version || !welcome.lineage().equals(lineage)) publish();
    acknowledge("step-%06d".formatted(step));
  }

  /// Fills a batch; false if the run has ended.
  private boolean collect(List<GroupFrame> groups)
      throws IOException, FeedClosed, InterruptedException {
    int wanted = feed.welcome().limits().groupsPerVersion();
    while (groups.size() < wanted) {
      Delivered next =
          feed.take(config.patience())
              .orElseThrow(() ->
                  new IOException(
                      "no group came within %d s".formatted(config.patience().toSeconds())));
      switch (next) {
        case Delivered.Group(GroupFrame group) -> {
          groups.add(group);
          seq = group.seq();
        }
        case Delivered.Dropped(FeedMessage.Dropped dropped) -> {
          seq = dropped.seq();
          missing.add(dropped.reason());
        }
        case Delivered.End _ -> {
          return false;
        }
      }
    }
    return true;
  }

  private void train(List<GroupFrame> groups, long waitMillis)
      throws IOException, InterruptedException, WeightsRejected, ModelException, FeedClosed {
    long started = System.nanoTime();
    TrainingRow.Of rows = TrainingRow.groups(groups);
    List<MicroBatch> batches = MicroBatch.pack(rows.rows(), config.microBatchTokens());
    var report =
        new StepReport(
            groups,
            rows,
            version,
            lineage,
            config.objective().clip(),
            feed.welcome().limits().maxStaleness());
    missing.forEach(report::dropped);
    missing.clear();
    measureOlderVersions(batches, report);
    if (optimize(rows.rollouts(), batches, report)) version++;
    step++;
    report.trained(step, version, millisSince(started), waitMillis);
    Checkpoint checkpoint =
        Checkpoint.write(checkpoints, step, lineage, version, seq, report.toJson(), learner);
    long publishing = System.nanoTime();
    if (report.optimized()) publish();
    report.published(millisSince(publishing));
    acknowledge(checkpoint.name());
    ObjectNode figures = report.toJson();
    metrics.accept(figures);
    feed.stats(figures);
  }

  /// Takes the inner steps of a batch; false if nothing pulls on the weights.
  private boolean optimize(
      List<StepBatch.Scored> rollouts, List<MicroBatch> batches, StepReport report) {
    Objective objective = config.objective();
    boolean early =
        objective.advantage().readsLogprobs() || objective.advantage().critic().isPresent();
    List<Outputs> outputs =
        early ? batches.stream().map(b -> learner.outputs(b.tokens())).toList() : List.of();
    List<float[]> referenceLogprobs =
        reference.isPresent()
            ? batches.stream().map(b -> learner.logprobs(b.tokens(), reference.get())).toList()
            : List.of();
    var policy = new PolicyStep(objective, rollouts, batches, outputs, referenceLogprobs, version);
    if (!policy.signal()) {
      for (MicroBatch batch : batches) report.recomputed(batch, learner.logprobs(batch.tokens()));
      return false;
    }
    List<Outputs> old = List.of();
    for (int inner = 0; inner < config.innerSteps(); inner++) {
      Learner.Step done = learner.step(policy.tokens(), policy::loss, config.rateFactor(step));
      if (inner == 0) {
        old = done.outputs();
        for (int i = 0; i < batches.size(); i++)
          report.recomputed(batches.get(i), old.get(i).logprobs());
      }
      report.optimized(batches, done, old);
    }
    return true;
  }

  /// A token is compared with the weights that sampled it. Those of the version before are still
  /// published, so that a step whose groups are all one version old is measured too.
  private void measureOlderVersions(List<MicroBatch> batches, StepReport report)
      throws ModelException {
    for (int older : batches.stream().flatMap(b -> b.versions().stream()).distinct().toList()) {
      if (older == version) continue;
      Optional<Path> folder =
          older == 0 ? Optional.of(config.model()) : published.find(lineage, older);
      if (folder.isEmpty()) continue;
      try (Parameters weights = learner.model().load(folder.get())) {
        for (MicroBatch batch : batches)
          if (batch.versions().contains(older))
            report.compared(batch, learner.logprobs(batch.tokens(), weights), older);
      }
    }
  }

  private void publish() throws IOException, WeightsRejected, FeedClosed, InterruptedException {
    WeightsFolder.Published weights =
        published.publish(
            lineage,
            version,
            file -> Safetensors.write(file, learner.weights(), Safetensors.Dtype.F32));
    FeedMessage answer =
        config.streamWeights()
            ? feed.stream(weights, config.patience())
            : feed.weights(weights, config.patience());
    if (answer instanceof FeedMessage.WeightsFailed failed)
      throw new WeightsRejected(
          "version %d was refused: %s".formatted(failed.version(), failed.reason()));
  }

  private void acknowledge(String checkpoint) {
    feed.trained(seq, version);
    feed.commit(seq, version, checkpoint);
  }

  private static long millisSince(long nanos) {
    return Duration.ofNanos(System.nanoTime() - nanos).toMillis();
  }

  @Override
  public void close() {
    reference.ifPresent(Parameters::close);
    learner.close();
    feed.close();
  }
}
