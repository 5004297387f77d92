package dev.turnstone.server.demo;

import static dev.turnstone.server.demo.DemoFixtures.group;
import static dev.turnstone.server.demo.DemoFixtures.json;
import static dev.turnstone.server.demo.DemoFixtures.metrics;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DemoHistoryTest {
  @TempDir private Path dir;
  private Path ledger = Path.of("");
  private Path metrics = Path.of("");

  @BeforeEach
  void files() {
    ledger = dir.resolve("groups.jsonl");
    metrics = dir.resolve("metrics.jsonl");
  }

  @Test
  void aStepIsAMetricsLineAndItsGroupsInTheOrderOfTheFeed() throws IOException {
    DemoHistory history = history();
    history.add(group("g-1", 2, 0.5));
    history.add(group("g-0", 1, 1));
    history.add(group("g-2", 3, 0));
    write(metrics(1, 2, 1e-9, 70));
    history.readMetrics();

    assertThat(history.steps()).hasSize(1);
    DemoStep step = history.steps().getFirst();
    assertThat(step.groups()).extracting(DemoGroup::name).containsExactly("g-0", "g-1");
    assertThat(step.reward()).isEqualTo(0.75, within(1e-9));
    assertThat(step.toolRate()).isEqualTo(0.5);
    assertThat(step.length()).isEqualTo(20);
    assertThat(step.tokens()).isEqualTo(80);
    assertThat(step.mismatchTokens()).isEqualTo(70);
  }

  @Test
  void aStepWaitsUntilItsGroupsAreKnown() throws IOException {
    DemoHistory history = history();
    write(metrics(1, 2, 1e-9, 70));
    history.add(group("g-0", 1, 1));
    history.readMetrics();
    assertThat(history.steps()).isEmpty();

    history.add(group("g-1", 2, 1));

    assertThat(history.steps()).hasSize(1);
  }

  @Test
  void aDroppedGroupIsInNoStep() throws IOException {
    DemoHistory history = history();
    history.add(group("g-0", 1, 1));
    history.add(group("g-1", 2, 1).put("state", "dropped"));
    history.add(group("g-2", 3, 0));
    write(metrics(1, 3, 1e-9, 70));
    history.readMetrics();

    assertThat(history.dropped()).isOne();
    assertThat(history.steps().getFirst().groups())
        .extracting(DemoGroup::name)
        .containsExactly("g-0", "g-2");
  }

  @Test
  void aStepWhoseLineAKillPreventedDoesNotBlurTheNext() throws IOException {
    DemoHistory history = history();
    for (int i = 0; i < 4; i++) history.add(group("g-" + i, i + 1, 1));
    write(metrics(2, 4, 1e-9, 70));
    history.readMetrics();

    assertThat(history.steps()).extracting(DemoStep::number).containsExactly(2);
    assertThat(history.steps().getFirst().groups())
        .extracting(DemoGroup::name)
        .containsExactly("g-2", "g-3");
  }

  @Test
  void anotherDemoInTheSameFolderKnowsWhatCameBefore() throws IOException {
    history().add(group("g-0", 1, 1));
    history().add(group("g-1", 2, 0));
    write(metrics(1, 2, 1e-9, 70));

    DemoHistory again = history();

    assertThat(again.knows("g-1")).isTrue();
    assertThat(again.knows("g-2")).isFalse();
    assertThat(again.steps()).hasSize(1);
    assertThat(Files.readString(ledger)).doesNotContain("messages");
  }

  @Test
  void aLineThatIsNotYetWholeIsReadWhenItIs() throws IOException {
    DemoHistory history = history();
    history.add(group("g-0", 1, 1));
    history.add(group("g-1", 2, 1));
    String line = metrics(1, 2, 1e-9, 70);
    write(line.substring(0, 20));
    history.readMetrics();
    assertThat(history.steps()).isEmpty();

    write(line.substring(20));
    history.readMetrics();

    assertThat(history.steps()).hasSize(1);
  }

  @Test
  void aStepThatWasTrainedAgainAfterACrashCountsOnce() throws IOException {
    DemoHistory history = history();
    for (int i = 0; i < 4; i++) history.add(group("g-" + i, i + 1, 1));
    write(metrics(1, 2, 1e-9, 70) + metrics(2, 4, 1e-9, 71) + metrics(2, 4, 1e-9, 72));
    history.readMetrics();

    assertThat(history.steps()).extracting(DemoStep::mismatchTokens).containsExactly(70L, 72L);
  }

  @Test
  void aRolloutWithoutRewardIsNotWorthZero() {
    DemoGroup group = DemoGroup.of(group("g-0", 1, 1));

    assertThat(group.rollouts().get(1).reward()).isEmpty();
    assertThat(DemoStep.reward(List.of(group))).hasValue(1);
    assertThat(DemoStep.reward(List.of())).isEmpty();
  }

  @Test
  void aGroupWithoutSeqIsNotFinished() {
    assertThat(DemoGroup.of(json("{\"group\":\"g\",\"state\":\"running\"}")).seq()).isEmpty();
  }

  private DemoHistory history() {
    return new DemoHistory(ledger, metrics);
  }

  private void write(String text) throws IOException {
    Files.writeString(metrics, text, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
  }
}
