package dev.turnstone.trainerbridge.runs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.turnstone.trainerbridge.log.LogKind;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CountDownLatch;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Several servers on one PostgreSQL.
class SharedLogTest {
  @TempDir Path directory;
  private final List<Bridge> servers = new ArrayList<>();

  @BeforeEach
  void open() throws Exception {
    for (int i = 0; i < 2; i++) servers.add(Bridge.started(directory, LogKind.POSTGRESQL));
  }

  @AfterEach
  void close() {
    servers.forEach(Bridge::close);
  }

  @Test
  void aRunIsKnownToAllServersAndItsGroupsAreEachRolledOutOnce() throws Exception {
    Run first = servers.get(0).run("\"groups_per_version\":64");
    Run second = servers.get(1).runs.lookUp("r").orElseThrow();
    for (int i = 0; i < 20; i++) Bridge.submit(i % 2 == 0 ? first : second, "g-" + i);

    awaitHead(first, 20);
    awaitHead(second, 20);

    assertThat(seqs(first)).hasSize(20).isEqualTo(seqs(second));
    Map<String, Long> counters = first.state().counters();
    assertThat(counters).containsEntry("rollouts_finished", 40L).containsEntry("head", 20L);
  }

  @Test
  void theBoundIsOneForAllServers() throws Exception {
    CountDownLatch hold = new CountDownLatch(1);
    for (Bridge server : servers)
      server.policy.script(request -> {
        hold.await();
        return "an answer";
      });
    Run first = servers.get(0).run("");
    Run second = servers.get(1).runs.lookUp("r").orElseThrow();
    for (int i = 0; i < 10; i++) Bridge.submit(i % 2 == 0 ? first : second, "g-" + i);

    assertThat(first.state().counters())
        .containsEntry("groups_running", 4L)
        .containsEntry("groups_pending", 6L);
    hold.countDown();
  }

  @Test
  void theGroupsOfAServerThatIsGoneAreTakenOver() throws Exception {
    CountDownLatch never = new CountDownLatch(1);
    Bridge dying = servers.removeFirst();
    dying.policy.script(request -> {
      never.await();
      return "never";
    });
    Run run = dying.run("");
    Bridge.submit(run, "g-1", "g-2", "g-3");
    assertThat(run.state().counters()).containsEntry("groups_running", 3L);

    dying.kill();

    Run theirs = servers.getFirst().runs.lookUp("r").orElseThrow();
    awaitHead(theirs, 3);
    assertThat(seqs(theirs)).hasSize(3);
    assertThat(theirs.group("g-1").orElseThrow().rollouts().getFirst().attempt()).isEqualTo(1);
  }

  @Test
  void cancellingAtOneServerCancelsAtAll() throws Exception {
    Run first = servers.get(0).run("");
    Run second = servers.get(1).runs.lookUp("r").orElseThrow();
    first.cancel();

    await(() -> second.state().state().equals("cancelled"));
  }

  @Test
  void newWeightsAtOneServerAreFollowedByAll() throws Exception {
    servers.get(0).publish(1);

    await(() -> servers.get(1).policy.weights().version() == 1);
    assertThat(servers.get(1).weights.behind()).isEmpty();
  }

  private static void awaitHead(Run run, long head) throws InterruptedException {
    await(() -> run.state().counters().getOrDefault("head", 0L) >= head);
  }

  private static void await(BooleanSupplier there) throws InterruptedException {
    long deadline = System.nanoTime() + Duration.ofSeconds(30).toNanos();
    while (!there.getAsBoolean()) {
      assertThat(System.nanoTime()).as("in time").isLessThan(deadline);
      Thread.sleep(20);
    }
  }

  private static Set<Long> seqs(Run run) {
    TreeSet<Long> seqs = new TreeSet<>();
    for (int i = 0; i < 20; i++)
      run.group("g-" + i).ifPresent(group -> group.seq().ifPresent(seqs::add));
    return seqs;
  }
}
