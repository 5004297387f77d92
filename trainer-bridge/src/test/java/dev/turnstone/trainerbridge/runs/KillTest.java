package dev.turnstone.trainerbridge.runs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.turnstone.trainerbridge.log.RolloutSummary;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

public class KillTest {
  @TempDir Path directory;

  @Test
  void aKilledServerGoesOnWhereItWas() throws Exception {
    List<String> said = killedAfter(60);
    try (Bridge bridge = new Bridge(directory)) {
      Run run = bridge.found();
      Map<String, Long> seqs = new HashMap<>();
      for (String line : said) {
        String[] words = line.split(" ", -1);
        if (words[0].equals("rollout"))
          assertThat(run.views().trajectory(words[1], Integer.parseInt(words[2])))
              .as(line)
              .isPresent();
        if (words[0].equals("group")) seqs.put(words[1], Long.parseLong(words[2]));
      }

      try (RunEvents.Watch watch = run.events().watch()) {
        bridge.runs.start();
        run.end();
        while (!(watch.next(Duration.ofSeconds(20)).orElseThrow() instanceof RunEvent.Ended)) {
          // Until every group has its place.
        }
      }

      TreeSet<Long> all = new TreeSet<>();
      int lives = 0;
      for (int i = 0; i < 40; i++) {
        GroupState group = run.views().group("g-" + i).orElseThrow();
        long seq = group.seq().orElseThrow();
        all.add(seq);
        if (seqs.containsKey("g-" + i)) assertThat(seq).isEqualTo(seqs.get("g-" + i));
        assertThat(group.rollouts()).hasSize(4);
        lives += group.rollouts().stream().mapToInt(RolloutSummary::attempt).max().orElse(0);
      }
      assertThat(all).hasSize(40).first().isEqualTo(1L);
      assertThat(all.last()).isEqualTo(40);
      assertThat(lives).as("groups that were cut").isPositive();
    }
  }

  private List<String> killedAfter(int rollouts) throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "--add-modules=jdk.incubator.vector",
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                KilledServer.class.getName(),
                directory.toString())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    List<String> said = new ArrayList<>();
    try (BufferedReader out = process.inputReader()) {
      int seen = 0;
      for (String line = out.readLine(); line != null; line = out.readLine()) {
        said.add(line);
        if (line.startsWith("rollout ") && ++seen == rollouts) process.toHandle().destroyForcibly();
      }
    }
    assertThat(process.waitFor(20, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).isEqualTo(128 + 9);
    return said;
  }
}
