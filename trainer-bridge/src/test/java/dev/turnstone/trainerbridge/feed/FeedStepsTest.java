package dev.turnstone.trainerbridge.feed;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.turnstone.rollout.Reward;
import dev.turnstone.trainerbridge.log.LogKind;
import dev.turnstone.trainerbridge.runs.Bridge;
import dev.turnstone.trainerbridge.runs.Run;
import dev.turnstone.trainerbridge.runs.RunEvents;
import dev.turnstone.trainerbridge.wire.FeedMessage.End;
import dev.turnstone.trainerbridge.wire.GroupFrame;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/// Advantages that are computed over the groups of a step. Groups of two, rewarded 0 and 1, 2 and
/// 4, 5 and 5, and so on.
@ParameterizedClass
@EnumSource(LogKind.class)
public class FeedStepsTest {
  private static final double[] REWARDS = {0, 1, 2, 4, 5, 5, 1, 0};
  private static final String CREDIT = "{'type':'credit','groups':99,'bytes':1000000}";
  private final LogKind kind;
  private final AtomicInteger scored = new AtomicInteger();
  @TempDir Path directory;
  private Bridge bridge;

  FeedStepsTest(LogKind kind) {
    this.kind = kind;
  }

  @BeforeEach
  void open() throws Exception {
    bridge = Bridge.started(directory, kind);
    bridge.environment.score(
        transcript -> Optional.of(Reward.of(REWARDS[scored.getAndIncrement()])));
  }

  @AfterEach
  void close() {
    bridge.close();
  }

  private Run run(String algorithm, int groupsPerVersion) {
    return bridge.run(
        "\"groups_per_version\":%d,\"advantages\":\"%s\"".formatted(groupsPerVersion, algorithm));
  }

  /// One group after the other, so that rewards are known.
  private static void settle(Run run, String... names) throws Exception {
    for (String name : names)
      try (RunEvents.Watch watch = run.events().watch()) {
        Bridge.submit(run, name);
        Bridge.settled(watch, 1);
      }
  }

  private Peer trainer() throws Exception {
    return new Peer(bridge).hello("").says(CREDIT);
  }

  @Test
  void aGroupWaitsForTheOthersOfItsStep() throws Exception {
    Run run = run("reinforce_plus_plus_baseline", 2);
    settle(run, "g-1");
    Peer peer = trainer();
    assertThat(peer.socket.order()).isEmpty();

    settle(run, "g-2");

    assertThat(peer.says().socket.order()).containsExactly(1L, 2L);
    // -0.5, 0.5, -1, 1 over three tokens each: their unbiased variance is 7.5 / 11.
    double scale = 1 / Math.sqrt(7.5 / 11 + 1e-8);
    List<Double> given = new ArrayList<>();
    for (GroupFrame group : peer.socket.groups()) {
      assertThat(group.rows()).allMatch(row -> row.data().trainable() == 3);
      group.advantages().values().stream().sorted().forEach(given::add);
    }
    assertThat(given.stream().mapToDouble(a -> a).toArray())
        .containsExactly(new double[] {-0.5 * scale, 0.5 * scale, -scale, scale}, within(1e-6));
  }

  @Test
  void tokensOfARowHaveAdvantagesOfTheirOwn() throws Exception {
    settle(run("reinforce_plus_plus", 1), "g-1");

    GroupFrame group = trainer().socket.groups().getFirst();

    // Rewards 0 and 1 over three tokens each: unbiased variance 1.5 / 5.
    double half = 0.5 / Math.sqrt(1.5 / 5 + 1e-8);
    assertThat(group.advantages()).isEmpty();
    for (GroupFrame.GroupRow row : group.rows()) {
      double expected = row.reward().orElseThrow().value() == 1 ? half : -half;
      for (int t = 0; t < row.data().length(); t++)
        assertThat(row.advantages().orElseThrow().get(t))
            .isEqualTo((float) (row.data().mask().get(t) ? expected : 0), within(1e-6f));
    }
  }

  @Test
  void whoComesAgainIsSentTheSame() throws Exception {
    settle(run("gpg", 2), "g-1", "g-2");
    List<Map<Integer, Double>> first = advantages(trainer());
    assertThat(first).hasSize(2).allSatisfy(group -> assertThat(group).hasSize(2));

    bridge.close();
    bridge = Bridge.started(directory, kind);

    assertThat(advantages(trainer())).isEqualTo(first);
  }

  private static List<Map<Integer, Double>> advantages(Peer peer) {
    return peer.socket.groups().stream().map(GroupFrame::advantages).toList();
  }

  @Test
  void whatCannotBeFilledIsSentAsItIs() throws Exception {
    // Without staleness a step that lost a group leaves room for one other.
    Run run = run("gpg", 2);
    settle(run, "g-1", "g-2");
    Peer peer = trainer();
    peer.says("{'type':'nack','seq':2,'reason':'no'}");

    settle(run, "g-3");
    bridge.tick();

    assertThat(peer.says().socket.groups()).extracting(GroupFrame::group).endsWith("g-3");
  }

  @Test
  void aStepIsNotClosedWhileItsTrainerHasAnother() throws Exception {
    Run run = bridge.run("\"groups_per_version\":2,\"max_staleness\":1,\"advantages\":\"gpg\"");
    settle(run, "g-1", "g-2", "g-3", "g-4");
    Peer peer = trainer();
    peer.says("{'type':'nack','seq':1,'reason':'no'}");
    scored.set(0);

    settle(run, "g-5");
    bridge.tick();

    assertThat(peer.says().socket.order()).containsExactly(1L, 2L, 3L, 4L, 1L);
  }

  @Test
  void theEndFollowsTheLastStep() throws Exception {
    Run run = run("gpg", 4);
    settle(run, "g-1");
    Peer peer = trainer();
    assertThat(peer.socket.order()).isEmpty();

    run.end();

    assertThat(peer.says().socket.order()).containsExactly(1L);
    assertThat(peer.socket.last(End.class).head()).isEqualTo(1);
  }
}
