package dev.turnstone.trainerbridge.feed;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.WeightsId;
import dev.turnstone.trainerbridge.log.TrajectoryLog;
import dev.turnstone.trainerbridge.runs.Bridge;
import dev.turnstone.trainerbridge.runs.Run;
import dev.turnstone.trainerbridge.spec.PolicyIdentity;
import dev.turnstone.trainerbridge.spec.RunSpec;
import dev.turnstone.trainerbridge.weights.WeightsFolder;
import dev.turnstone.trainerbridge.weights.WeightsOutcome;
import dev.turnstone.trainerbridge.weights.WeightsUpload;
import dev.turnstone.trainerbridge.wire.CloseCode;
import dev.turnstone.trainerbridge.wire.FeedMessage.Dropped;
import dev.turnstone.trainerbridge.wire.FeedMessage.WeightsApplied;
import dev.turnstone.trainerbridge.wire.FeedMessage.WeightsFailed;
import dev.turnstone.trainerbridge.wire.WeightsRequest;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A thread of a connection that fails must not leave its peer with one that nobody hears.
class FeedFailureTest {
  private static final String HELLO =
      "{\"type\":\"hello\",\"run\":\"r\",\"role\":\"train\",\"consumer\":\"t\"}";

  @TempDir Path directory;
  private Bridge bridge;

  @BeforeEach
  void open() throws Exception {
    bridge = Bridge.started(directory);
  }

  @AfterEach
  void close() {
    bridge.close();
  }

  @Test
  void anErrorOfTheReaderClosesTheConnection() throws Exception {
    Run run = bridge.run("");
    RunFeed feed =
        new RunFeed(
            new FailsOnce(run), bridge.log.runs().find("r").orElseThrow(), new ReentrantLock());
    RecordingSocket socket = new RecordingSocket();
    FeedSession session = new FeedSession(feed, socket, bridge.now::get);
    session.onText(HELLO);

    session.onText("{\"type\":\"credit\",\"groups\":1,\"bytes\":1}");

    assertThat(session.step()).isFalse();
    session.leave();
    assertThat(socket.code()).contains(CloseCode.INTERNAL);
    assertThat(socket.reason()).isEqualTo("the feed failed");
  }

  @Test
  void anErrorOfTheWriterClosesTheConnection() {
    bridge.run("");
    AtomicInteger closedWith = new AtomicInteger();
    FeedSession session =
        bridge
            .found()
            .feed(
                new FeedSocket() {
                  @Override
                  public void text(String message) {
                    throw new StackOverflowError("of the test");
                  }

                  @Override
                  public void binary(byte[] message) {}

                  @Override
                  public void close(int code, String reason) {
                    closedWith.set(code);
                  }
                });
    session.start();

    session.onText(HELLO);
    session.join();

    assertThat(closedWith).hasValue(CloseCode.INTERNAL);
  }

  @Test
  void anErrorOfAnUpdateIsAnsweredAndTheNextUpdateBegins() throws Exception {
    bridge.run("");
    Peer peer = new Peer(bridge).hello("");
    bridge.policy.judge(update -> {
      throw new OutOfMemoryError("of the test");
    });

    WeightsFolder.Published published = Bridge.published(directory, "base", 1, 1);
    sends(peer, published);
    while (peer.socket.all(WeightsFailed.class).isEmpty()) answer(peer);

    assertThat(peer.socket.last(WeightsFailed.class).reason())
        .isEqualTo("defect: java.lang.OutOfMemoryError: of the test");
    bridge.policy.judge(update -> {});
    sends(peer, published);
    while (peer.socket.all(WeightsApplied.class).isEmpty()) answer(peer);
    assertThat(peer.socket.all(WeightsFailed.class)).hasSize(1);
  }

  private static void sends(Peer peer, WeightsFolder.Published published) throws Exception {
    peer.says(
        """
        {"type":"weights","epoch":%d,"lineage":"%s","version":%d,"uri":"%s","manifest_sha256":"%s"}
        """
            .formatted(
                peer.epoch(),
                published.id().lineage(),
                published.id().version(),
                published.folder(),
                published.id().sha256()));
  }

  /// Answers to weights come from a thread of their own.
  private static void answer(Peer peer) throws Exception {
    assertThat(peer.session.awaitWake(Duration.ofSeconds(10))).isTrue();
    peer.says();
  }

  /// A run that fails when it is first asked to admit.
  private static final class FailsOnce implements FeedOwner {
    private final Run run;
    private boolean failed;

    FailsOnce(Run run) {
      this.run = run;
    }

    @Override
    public void admit() {
      if (failed) return;
      failed = true;
      throw new StackOverflowError("of the test");
    }

    @Override
    public RunSpec spec() {
      return run.spec();
    }

    @Override
    public TrajectoryLog log() {
      return run.log();
    }

    @Override
    public PolicyIdentity policy() {
      return run.policy();
    }

    @Override
    public WeightsId applied() {
      return run.applied();
    }

    @Override
    public boolean finished() {
      return false;
    }

    @Override
    public void dropped(Dropped dropped) {
      run.dropped(dropped);
    }

    @Override
    public WeightsOutcome apply(WeightsRequest request) {
      return run.apply(request);
    }

    @Override
    public WeightsUpload upload() throws IOException {
      return run.upload();
    }

    @Override
    public void stats(ObjectNode figures) {
      run.stats(figures);
    }
  }
}
