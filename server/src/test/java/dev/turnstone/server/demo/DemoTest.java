package dev.turnstone.server.demo;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/// The whole of Turnstone: sandbox, server and trainer as processes of their own.
@EnabledOnOs(value = OS.LINUX, disabledReason = "the sandbox's jails are Linux's")
@Timeout(600)
class DemoTest {
  private static final String HOME = "turnstone.home";

  private static final Duration GLANCE = Duration.ofMillis(100);

  @TempDir private Path temporary;

  @BeforeEach
  void home() {
    System.setProperty(HOME, Path.of("..").toAbsolutePath().normalize().toString());
  }

  @AfterEach
  void noHome() {
    System.clearProperty(HOME);
  }

  @Test
  void aDemoThatIsKilledLeavesNoProcessAndGoesOnWhereItStopped() throws Exception {
    List<ProcessHandle> family;
    try (DemoProcess demo = demo("first")) {
      while (!said("first", "step 1/")) assertThat(demo.hasEnded(GLANCE)).isFalse();
      ProcessHandle parent = ProcessHandle.of(demo.pid()).orElseThrow();
      family = parent.descendants().toList();
      assertThat(family).hasSizeGreaterThan(3);
      parent.destroyForcibly();
    }
    for (ProcessHandle child : family) child.onExit().get(30, TimeUnit.SECONDS);

    try (DemoProcess demo = demo("second")) {
      assertThat(demo.hasEnded(Duration.ofMinutes(8))).isTrue();
    }

    assertThat(said("second", "steps 1 to ")).isTrue();
    JsonNode summary = DemoFixtures.json(lines("second").getLast());
    assertThat(summary.path("steps").asInt()).isEqualTo(3);
    assertThat(summary.path("groups").asInt()).isEqualTo(3 * DemoRun.GROUPS_PER_STEP);
    assertThat(summary.path("reward_first").asDouble()).isBetween(0.1, 0.6);
    assertThat(summary.path("tool_rate_first").asDouble()).isBetween(0.3, 0.9);
    assertThat(summary.path("reward_last_without_tool").asDouble()).isLessThan(0.3);
    assertThat(summary.path("mismatch_k3_max").asDouble()).isLessThan(1e-8);
    assertThat(summary.path("mismatch_tokens").asInt()).isGreaterThan(1000);
    assertThat(Path.of(summary.path("report").asText()))
        .content()
        .contains("<h2>Before</h2>\n<article>", "<h2>After</h2>\n<article>", "class='trained'");
    assertNoGroupWasTrainedTwice();
  }

  /// What the trainer says it took, whether or not a kill came between two of its steps.
  private void assertNoGroupWasTrainedTwice() throws IOException {
    List<Integer> seqs = new ArrayList<>();
    for (String line : Files.readAllLines(temporary.resolve("demo/trainer/metrics.jsonl")))
      seqs.add(DemoFixtures.json(line).path("seq").asInt());
    assertThat(seqs).isSorted().doesNotHaveDuplicates();
  }

  private DemoProcess demo(String name) {
    return DemoProcess.start(
        name, temporary, List.of("demo", "--steps=3", "--dir=" + temporary.resolve("demo")));
  }

  private boolean said(String name, String text) throws IOException {
    return lines(name).stream().anyMatch(line -> line.startsWith(text));
  }

  private List<String> lines(String name) throws IOException {
    return Files.readAllLines(temporary.resolve(name + ".log"));
  }
}
