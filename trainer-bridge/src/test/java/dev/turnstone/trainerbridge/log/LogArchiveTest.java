package dev.turnstone.trainerbridge.log;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.turnstone.rollout.Reward;
import dev.turnstone.rollout.RolloutId;
import dev.turnstone.rollout.Trajectory;
import dev.turnstone.trainerbridge.json.JsonText;
import dev.turnstone.trainerbridge.spec.GroupRequest;
import dev.turnstone.trainerbridge.spec.RunSpec;
import dev.turnstone.trainerbridge.wire.Frames;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

public class LogArchiveTest {
  private static final String RUN = "r";

  @TempDir Path directory;

  @ParameterizedTest
  @EnumSource(LogKind.class)
  void whatAServerWritesIsReadBesideIt(LogKind kind) throws Exception {
    try (TrajectoryLog log = kind.open(directory)) {
      fill(log);
      try (LogArchive archive = LogArchive.open(kind.place(directory))) {
        assertThat(archive.runs()).extracting(run -> run.marks().run()).containsExactly(RUN);
        assertThat(archive.runs().getFirst().groups()).isEqualTo(2);
        assertThat(archive.groups(LogFilter.ALL))
            .extracting(group -> group.group() + " " + group.state() + " " + group.rollouts())
            .containsExactly("g-0 complete 2", "g-1 pending 0");
        assertThat(archive.lines(LogFilter.ofRun(RUN)))
            .extracting(line -> line.id() + " " + line.outcome() + " " + line.seq().orElse(0))
            .containsExactly("r/g-0/0 train 1", "r/g-0/1 train 1");
        assertThat(archive.task(RUN, "g-0").orElseThrow().environment()).isEqualTo("none");
        assertThat(archive.hasRun("other")).isFalse();
      }
    }
  }

  @ParameterizedTest
  @EnumSource(LogKind.class)
  void aFilterNamesRewardsStopsAndVersions(LogKind kind) throws Exception {
    try (TrajectoryLog log = kind.open(directory);
        LogArchive archive = LogArchive.open(kind.place(directory))) {
      fill(log);

      assertThat(ids(archive, filter(OptionalDouble.of(0.5), "answer", OptionalInt.of(3))))
          .containsExactly("r/g-0/1");
      assertThat(ids(archive, filter(OptionalDouble.of(2), "answer", OptionalInt.empty())))
          .isEmpty();
      assertThat(ids(archive, filter(OptionalDouble.empty(), "timeout", OptionalInt.empty())))
          .isEmpty();
      assertThat(ids(archive, filter(OptionalDouble.empty(), "answer", OptionalInt.of(9))))
          .isEmpty();
    }
  }

  @ParameterizedTest
  @EnumSource(LogKind.class)
  void aLaterScoreStandsBesideTheRewardAndReplacesOneOfItsName(LogKind kind) throws Exception {
    try (TrajectoryLog log = kind.open(directory);
        LogArchive archive = LogArchive.open(kind.place(directory))) {
      fill(log);
      RolloutId id = new RolloutId(RUN, "g-0", 1, 0);
      log.scores().put(id, "strict", Reward.of(0.25));
      log.scores().put(id, "strict", new Reward(0.5, Map.of("a", 1.0)));
      log.scores().put(id, "loose", Reward.of(1));

      assertThat(archive.scores(id)).isEqualTo(Map.of("strict", 0.5, "loose", 1.0));
      assertThat(archive.scores(new RolloutId(RUN, "g-0", 0, 0))).isEmpty();
      assertThat(archive.trajectory(id).orElseThrow().reward()).contains(Reward.of(1));
    }
  }

  @Test
  void whatIsNoLogIsNamed() throws IOException {
    assertThatThrownBy(() -> LogArchive.open(directory.toString()))
        .isInstanceOf(IOException.class)
        .hasMessage("there is no log in " + directory);

    Files.writeString(directory.resolve(TrajectoryLog.FILE), "this is no database".repeat(100));
    assertThatThrownBy(() -> LogArchive.open(directory.toString()))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("the log in " + directory);
  }

  @Test
  void aCopyWithoutItsRecordsSaysWhichFileIsMissing() throws Exception {
    try (TrajectoryLog log = TrajectoryLog.open(directory)) {
      fill(log);
    }
    Files.delete(directory.resolve("records-1"));
    try (LogArchive archive = LogArchive.open(directory.toString())) {
      assertThatThrownBy(() -> archive.forEach(LogFilter.ofRun(RUN), (_, _) -> {}))
          .isInstanceOf(LogException.class)
          .hasMessage(
              "the log in %s has no file records-1, which holds the tokens of r/g-0/0"
                  .formatted(directory));
    }
  }

  private static List<String> ids(LogArchive archive, LogFilter filter)
      throws IOException, InterruptedException {
    List<String> ids = new ArrayList<>();
    archive.forEach(filter, (line, _) -> ids.add(line.id().toString()));
    return ids;
  }

  private static LogFilter filter(OptionalDouble minReward, String stop, OptionalInt version) {
    return new LogFilter(
        Optional.of(RUN),
        Optional.empty(),
        Optional.empty(),
        Optional.of(stop),
        Optional.empty(),
        minReward,
        OptionalDouble.empty(),
        version,
        10);
  }

  /// A complete group of two, rewarded 0 and 1, and one that waits.
  private static void fill(TrajectoryLog log) {
    RunSpec spec =
        RunSpec.parse(
            JsonText.parse(
                """
                {"run":"r","environment":"none","group_size":2,"max_staleness":0,
                 "groups_per_version":1}\
                """),
            1024);
    log.runs().insert(spec);
    List<GroupRequest> groups = new ArrayList<>();
    for (int i = 0; i < 2; i++)
      groups.add(
          GroupRequest.parse(
              JsonText.parse(
                  """
                  {"group":"g-%d","task":{"messages":[{"role":"user","content":"go"}]}}\
                  """
                      .formatted(i))));
    log.groups().insert(spec, groups, 100);
    log.servers().renew(java.time.Duration.ofMinutes(1));
    log.admission().admit(spec, 1);
    for (int index = 0; index < 2; index++) {
      Trajectory trajectory =
          Frames.trajectory(
              new RolloutId(RUN, "g-0", index, 0), Optional.of(Reward.of((double) index)));
      log.rollouts()
          .finish(new RolloutTable.Finished(trajectory, RolloutSummary.of(trajectory, "")));
    }
    log.groups().settle(RUN, "g-0", Settlement.of(spec, log.rollouts().latest(RUN, "g-0")), 8);
  }
}
