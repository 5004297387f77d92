package dev.turnstone.trainerbridge.runs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.turnstone.trainerbridge.log.LogKind;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CountDownLatch;
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
    try (RunEvents.Watch here = first.events().watch();
        RunEvents.Watch there = second.events().watch()) {
      for (int i = 0; i < 20; i++) Bridge.submit(i % 2 == 0 ? first : second, "g-" + i);
      settled(20, here, there);
    }

    assertThat(seqs(first)).hasSize(20).isEqualTo(seqs(second));
    assertThat(first.state().counters()).containsEntry("rollouts_finished", 40L);
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
    try (RunEvents.Watch watch = theirs.events().watch(0)) {
      settled(3, watch);
    }
    assertThat(seqs(theirs)).hasSize(3);
    assertThat(theirs.views().group("g-1").orElseThrow().rollouts().getFirst().attempt())
        .isEqualTo(1);
  }

  @Test
  void cancellingAtOneServerCancelsAtAll() throws Exception {
    Run first = servers.get(0).run("");
    Run second = servers.get(1).runs.lookUp("r").orElseThrow();
    try (RunEvents.Watch watch = second.events().watch()) {
      first.cancel();
      Bridge.next(watch, RunEvent.Ended.class);
    }

    assertThat(second.state().state()).isEqualTo("cancelled");
  }

  @Test
  void newWeightsAtOneServerAreFollowedByAll() throws Exception {
    servers.get(0).run("");
    Run second = servers.get(1).runs.lookUp("r").orElseThrow();
    try (RunEvents.Watch watch = second.events().watch()) {
      servers.get(0).publish(1);
      Bridge.next(watch, RunEvent.WeightsApplied.class);
    }

    assertThat(servers.get(1).policy.weights().version()).isEqualTo(1);
    assertThat(servers.get(1).weights.behind()).isEmpty();
  }

  /// Waits until so many groups have their seq, whichever server gave it.
  private static void settled(int groups, RunEvents.Watch... watches) throws InterruptedException {
    long deadline = System.nanoTime() + Duration.ofSeconds(30).toNanos();
    int settled = 0;
    for (int turn = 0; settled < groups; turn++) {
      assertThat(System.nanoTime()).as("in time").isLessThan(deadline);
      Optional<RunEvent> event = watches[turn % watches.length].next(Duration.ofMillis(50));
      if (event.filter(RunEvent.GroupCompleted.class::isInstance).isPresent()) settled++;
    }
  }

  private static Set<Long> seqs(Run run) {
    TreeSet<Long> seqs = new TreeSet<>();
    for (int i = 0; i < 20; i++)
      run.views().group("g-" + i).ifPresent(group -> group.seq().ifPresent(seqs::add));
    return seqs;
  }
}
