package dev.turnstone.trainerbridge.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.turnstone.trainerbridge.runs.Bridge;
import dev.turnstone.trainerbridge.runs.Run;
import dev.turnstone.trainerbridge.spec.PolicyIdentity;
import dev.turnstone.trainerbridge.weights.Safetensors;
import dev.turnstone.trainerbridge.weights.WeightsFolder;
import dev.turnstone.trainerbridge.wire.CloseCode;
import dev.turnstone.trainerbridge.wire.FeedMessage;
import dev.turnstone.trainerbridge.wire.GroupFrame;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

public class FeedClientTest {
  private static final Duration PATIENCE = Duration.ofSeconds(20);

  @TempDir Path directory;
  private Bridge bridge;
  private FeedServer server;

  @BeforeEach
  void open() throws Exception {
    bridge = Bridge.started(directory);
    server = new FeedServer(bridge);
  }

  @AfterEach
  void close() {
    bridge.close();
    server.close();
  }

  private FeedOptions options(int port) {
    return FeedOptions.of(URI.create("http://127.0.0.1:" + port), "r", "trainer-0");
  }

  private FeedClient connect() throws Exception {
    return FeedClient.connect(options(server.port()), PATIENCE);
  }

  private static GroupFrame group(FeedClient client) throws Exception {
    Delivered delivered = client.take(PATIENCE).orElseThrow();
    assertThat(delivered).isInstanceOf(Delivered.Group.class);
    return ((Delivered.Group) delivered).frame();
  }

  @Test
  void aTrainerTakesTrainsPublishesAndCommits() throws Exception {
    Run run = bridge.run("\"groups_per_version\":1");
    Bridge.submit(run, "g-1", "g-2");
    run.end();
    try (FeedClient client = connect()) {
      assertThat(client.welcome().lineage()).isEqualTo("base");
      client.open(1, 1 << 20);

      assertThat(group(client).seq()).isEqualTo(1);
      client.trained(1, 1);
      FeedMessage answer = client.weights(Bridge.published(directory, "base", 1, 1), PATIENCE);
      assertThat(answer).isInstanceOf(FeedMessage.WeightsApplied.class);
      GroupFrame second = group(client);
      assertThat(second.seq()).isEqualTo(2);
      assertThat(second.versionMin()).isEqualTo(1);
      client.commit(2, 1, "checkpoint-1");
      assertThat(client.take(PATIENCE)).contains(new Delivered.End(2));
    }
    // close() returns when the goodbye was answered, so what was said before it has arrived.
    assertThat(run.state().counters()).containsEntry("commit", 2L);
  }

  @Test
  void refusedWeightsComeBackWithTheReason() throws Exception {
    bridge.run("");
    try (FeedClient client = connect()) {
      client.weights(Bridge.published(directory, "base", 2, 1), PATIENCE);

      assertThat(client.weights(Bridge.published(directory, "base", 1, 1), PATIENCE))
          .isEqualTo(
              new FeedMessage.WeightsFailed(
                  "base", 1, "version 1 is older than version 2 of lineage base"));
    }
  }

  @Test
  void filesOfWeightsGoOverTheFeed(@TempDir Path elsewhere) throws Exception {
    bridge.run("");
    try (FeedClient client = connect()) {
      FeedMessage answer = client.stream(Bridge.published(elsewhere, "base", 1, 1), PATIENCE);

      assertThat(answer).isInstanceOf(FeedMessage.WeightsApplied.class);
      assertThat(bridge.policy.weights().version()).isEqualTo(1);
    }
  }

  @Test
  void filesThatAConnectionLostGoOverTheNextFromTheBeginning(@TempDir Path elsewhere)
      throws Exception {
    bridge.run("");
    WeightsFolder.Published large =
        new WeightsFolder(elsewhere)
            .publish("base", 1, file -> Safetensors.write(file, new float[50_000]));
    // With this seed the first connection carries 80 kB up, the second 230 kB.
    try (FlakyProxy proxy = new FlakyProxy(server.port(), new Random(5), 300_000);
        FeedClient client = FeedClient.connect(options(proxy.port()), PATIENCE)) {
      assertThat(client.stream(large, PATIENCE)).isInstanceOf(FeedMessage.WeightsApplied.class);
      assertThat(proxy.cuts).hasPositiveValue();
    }
  }

  @Test
  void filesThatTheServerDoesNotTakeAreGivenUpInTime(@TempDir Path elsewhere) throws Exception {
    bridge.run("");
    // More than both ends' buffers hold.
    WeightsFolder.Published large =
        new WeightsFolder(elsewhere)
            .publish("base", 1, file -> Safetensors.write(file, new float[8_000_000]));
    server.stall();
    try (FeedClient client = connect()) {
      assertThatThrownBy(() -> client.stream(large, Duration.ofMillis(200)))
          .isInstanceOf(FeedClosed.class)
          .hasMessageContaining("no answer to new weights in time");
      server.readAgain();
    }
  }

  @Test
  void theKeyTravelsInAHeader() throws Exception {
    bridge.run("");
    try (FeedClient _ = FeedClient.connect(options(server.port()).withApiKey("secret"), PATIENCE)) {
      var request = server.request();
      assertThat(request.getHeaders().get("Authorization")).isEqualTo("Bearer secret");
      assertThat(request.getHeaders().get("Sec-WebSocket-Protocol")).isEqualTo("turnstone.v1");
      assertThat(request.getTarget()).isEqualTo("/v1/runs/r/feed");
    }
  }

  @Test
  void anotherPolicyIsRefused() {
    bridge.run("");
    FeedOptions options =
        options(server.port()).withPolicy(new PolicyIdentity("c".repeat(64), "", 5));

    assertThatThrownBy(() -> FeedClient.connect(options, PATIENCE))
        .isInstanceOf(FeedClosed.class)
        .hasMessageContaining("the server's policy is");
  }

  @Test
  void aServerThatIsNotThereIsGivenUp() throws Exception {
    int port = server.port();
    server.close();

    assertThatThrownBy(() -> FeedClient.connect(options(port), Duration.ofMillis(50)))
        .isInstanceOf(FeedClosed.class)
        .hasMessageContaining("no welcome from http://127.0.0.1:" + port);
  }

  @Test
  void anOlderTrainerLearnsThatItIsFenced() throws Exception {
    bridge.run("");
    try (FeedClient older = connect();
        FeedClient _ = connect()) {
      assertThatThrownBy(() -> older.take(PATIENCE))
          .isInstanceOfSatisfying(
              FeedClosed.class, why -> assertThat(why.code()).isEqualTo(CloseCode.FENCED));
    }
  }

  @Test
  void aCheckpointThatIsNotKeptEndsTheFeed() {
    bridge.run("");

    assertThatThrownBy(() -> FeedClient.connect(options(server.port()).withCommit(7), PATIENCE))
        .isInstanceOf(FeedClosed.class)
        .hasMessage("held 7 is above head 0; the first seq there is is 1 (4410)");
  }

  /// Connections break anywhere, the trainer restarts from its checkpoint and the server restarts:
  /// what the checkpoint holds in the end is every group, in order, once.
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void everyGroupIsTrainedOnceWhateverBreaks(long seed) throws Exception {
    int groups = 60;
    Random random = new Random(seed);
    Run run = bridge.run("\"groups_per_version\":6,\"max_staleness\":1");
    run.submit(names(groups).stream().map(Bridge::group).toList());
    run.end();
    List<String> checkpoint = new ArrayList<>();
    int restarts = 0;
    try (FlakyProxy proxy = new FlakyProxy(server.port(), new Random(seed), 20_000)) {
      Trainer trainer = new Trainer(proxy.port(), checkpoint);
      while (!trainer.ended) {
        trainer.step(1 + random.nextInt(6));
        if (random.nextInt(3) == 0) trainer.checkpoint();
        if (restarts < 4 && random.nextInt(6) == 0) {
          restarts++;
          trainer.client.close();
          if (restarts % 2 == 0) restartServer();
          trainer = new Trainer(proxy.port(), trainer.checkpoint);
        }
      }
      trainer.checkpoint();
      trainer.client.close();

      assertThat(trainer.checkpoint).containsExactlyInAnyOrderElementsOf(names(groups));
      assertThat(proxy.cuts).hasPositiveValue();
      assertThat(bridge.found().state().counters())
          .containsEntry("head", (long) groups)
          .containsEntry("groups_complete", (long) groups);
    }
  }

  private void restartServer() throws Exception {
    bridge.close();
    bridge = Bridge.started(directory);
    server.serve(bridge);
  }

  private static List<String> names(int count) {
    List<String> names = new ArrayList<>();
    for (int i = 1; i <= count; i++) names.add("g-" + i);
    return names;
  }

  /// A trainer process: what it trained since its checkpoint dies with it.
  private final class Trainer {
    final FeedClient client;
    private List<String> checkpoint;
    private final List<String> trained;
    private boolean ended;

    Trainer(int port, List<String> checkpoint) throws Exception {
      this.checkpoint = checkpoint;
      this.trained = new ArrayList<>(checkpoint);
      client = FeedClient.connect(options(port).withCommit(checkpoint.size()), PATIENCE);
      client.open(3, 1 << 20);
    }

    void step(int size) throws Exception {
      for (int i = 0; i < size && !ended; i++) {
        switch (client.take(PATIENCE).orElseThrow()) {
          case Delivered.Group(GroupFrame frame) -> {
            assertThat(frame.seq()).isEqualTo(trained.size() + 1L);
            trained.add(frame.group());
          }
          case Delivered.Dropped(FeedMessage.Dropped dropped) ->
              throw new AssertionError("dropped: " + dropped);
          case Delivered.End(long head) -> {
            assertThat(head).isEqualTo(trained.size());
            ended = true;
          }
        }
      }
      if (!trained.isEmpty()) client.trained(trained.size(), 0);
    }

    void checkpoint() {
      if (trained.isEmpty()) return;
      checkpoint = List.copyOf(trained);
      client.commit(checkpoint.size(), 0, "checkpoint-" + checkpoint.size());
    }
  }
}
