package dev.turnstone.trainerbridge.runs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.turnstone.rollout.Environment.EnvironmentLost;
import dev.turnstone.rollout.Policy;
import dev.turnstone.rollout.Reward;
import dev.turnstone.rollout.StopReason;
import dev.turnstone.trainerbridge.json.JsonText;
import dev.turnstone.trainerbridge.log.LogKind;
import dev.turnstone.trainerbridge.log.RolloutSummary;
import dev.turnstone.trainerbridge.runs.RunEvent.GroupCompleted;
import dev.turnstone.trainerbridge.runs.RunEvent.GroupDropped;
import dev.turnstone.trainerbridge.runs.RunEvent.RolloutFinished;
import dev.turnstone.trainerbridge.spec.GroupRequest;
import dev.turnstone.trainerbridge.spec.RunSpec;
import dev.turnstone.trainerbridge.wire.FeedMessage;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

@ParameterizedClass
@EnumSource(LogKind.class)
public class RunTest {
  private final LogKind kind;
  @TempDir Path directory;
  private Bridge bridge;

  RunTest(LogKind kind) {
    this.kind = kind;
  }

  @BeforeEach
  void open() throws Exception {
    bridge = Bridge.started(directory, kind);
  }

  @AfterEach
  void close() {
    bridge.close();
  }

  @Test
  void anErrorDoesNotStopTheClock() throws Exception {
    CountDownLatch ticks = new CountDownLatch(2);
    bridge.run("");
    bridge.beforeTick =
        () -> {
          ticks.countDown();
          throw new StackOverflowError("of the test");
        };

    assertThat(ticks.await(20, TimeUnit.SECONDS)).isTrue();
  }

  @Test
  void aTaskBecomesAGroupWithASeq() throws Exception {
    Run run = bridge.run("");
    try (RunEvents.Watch watch = run.events().watch()) {
      assertThat(Bridge.submit(run, "g-1")).isEqualTo(new Submitted.Accepted(1));

      assertThat(Bridge.next(watch, RolloutFinished.class).rollout().stop())
          .isEqualTo(StopReason.ANSWER);
      GroupCompleted group = Bridge.next(watch, GroupCompleted.class);

      assertThat(group.seq()).isEqualTo(1);
      assertThat(group.rewards())
          .containsExactlyInAnyOrder(OptionalDouble.of(0), OptionalDouble.of(1));
      assertThat(run.views().group("g-1").orElseThrow().seq()).hasValue(1);
      assertThat(run.views().trajectory("g-1", 0).orElseThrow().transcript()).hasSize(2);
      assertThat(run.state().counters()).containsEntry("groups_complete", 1L);
    }
  }

  @Test
  void theSameTaskAgainIsKnownAndAnotherBodyIsRefused() {
    Run run = bridge.run("");
    Bridge.submit(run, "g-1");

    assertThat(Bridge.submit(run, "g-1")).isEqualTo(new Submitted.Known());
    GroupRequest other =
        GroupRequest.parse(
            JsonText.parse(
                "{\"group\":\"g-1\",\"task\":{\"messages\":[{\"role\":\"user\",\"content\":\"?\"}]}}"));
    assertThat(run.submit(List.of(Bridge.group("g-2"), other)))
        .isEqualTo(new Submitted.Refused("group is known with another body: g-1"));
    assertThat(run.views().group("g-2")).isEmpty();
  }

  @Test
  void theSameRunAgainIsKnownAndAnotherBodyIsRefused() {
    bridge.run("");
    RunSpec other =
        RunSpec.parse(
            JsonText.parse("{\"run\":\"r\",\"environment\":\"python\",\"group_size\":3}"), 100);

    assertThat(bridge.run("").spec().groupSize()).isEqualTo(2);
    assertThat(bridge.runs.create(other))
        .isEqualTo(new Created.Refused("run is known with another body: r"));
  }

  @Test
  void aRunWithoutItsEnvironmentIsRefused() {
    RunSpec spec =
        RunSpec.parse(
            JsonText.parse("{\"run\":\"r\",\"environment\":\"moon\",\"group_size\":2}"), 100);

    assertThat(bridge.runs.create(spec))
        .isEqualTo(new Created.Refused("no environment is registered as moon"));
  }

  @Test
  void anEndedRunTakesNoTaskAndSaysWhenItIsDone() throws Exception {
    Run run = bridge.run("");
    try (RunEvents.Watch watch = run.events().watch()) {
      Bridge.submit(run, "g-1");
      run.end();

      assertThat(Bridge.next(watch, RunEvent.Ended.class).head()).isEqualTo(1);
      assertThat(run.state().state()).isEqualTo("ended");
      assertThat(Bridge.submit(run, "g-1")).isEqualTo(new Submitted.Known());
      assertThat(Bridge.submit(run, "g-2"))
          .isEqualTo(new Submitted.Refused("run r is ended and takes no task"));
    }
  }

  @Test
  void noMoreGroupsThanTheBoundAreAdmitted() throws Exception {
    Run run = bridge.run("");
    try (RunEvents.Watch watch = run.events().watch()) {
      Bridge.submit(run, "g-1", "g-2", "g-3", "g-4", "g-5", "g-6");
      Bridge.settled(watch, 4);

      assertThat(run.state().counters())
          .containsEntry("groups_complete", 4L)
          .containsEntry("groups_pending", 2L)
          .containsEntry("admitted", 4L);
    }
  }

  @Test
  void fiveHundredAndTwelveRolloutsWaitForTheirToolsAtOnce() throws Exception {
    CountDownLatch waiting = new CountDownLatch(512);
    CountDownLatch answer = new CountDownLatch(1);
    bridge.policy.script(request -> asked(request) ? "42" : "call {}");
    bridge.environment.tool(call -> {
      waiting.countDown();
      answer.await();
      return "done";
    });
    Run run = bridge.run("\"group_size\":8,\"groups_per_version\":64");
    try (RunEvents.Watch watch = run.events().watch()) {
      int before = Thread.activeCount();
      Bridge.submit(run, names(64));
      assertThat(waiting.await(20, TimeUnit.SECONDS)).isTrue();
      assertThat(Thread.activeCount() - before).isLessThan(16);
      assertThat(run.state().counters()).containsEntry("rollouts_live", 512L);

      answer.countDown();
      Bridge.settled(watch, 64);
      assertThat(run.state().counters())
          .containsEntry("rollouts_finished", 512L)
          .containsEntry("head", 64L);
    }
  }

  @Test
  void rolloutsOfAGroupDrawDifferentlyUnderOneSeed() throws Exception {
    Set<Long> seeds = ConcurrentHashMap.newKeySet();
    bridge.policy.script(request -> {
      seeds.add(request.sampling().seed().orElseThrow());
      return "42";
    });
    Run run = bridge.run("\"sampling\":{\"seed\":7}");
    try (RunEvents.Watch watch = run.events().watch()) {
      Bridge.submit(run, "g-1", "g-2");
      Bridge.settled(watch, 2);
    }
    assertThat(seeds).hasSize(4);
  }

  @Test
  void finishedRolloutsStayAndCutOffOnesStartAgain() throws Exception {
    CountDownLatch second = new CountDownLatch(1);
    AtomicInteger started = new AtomicInteger();
    bridge.policy.script(request -> {
      if (started.incrementAndGet() == 2) second.await();
      return "first life";
    });
    Run run = bridge.run("");
    try (RunEvents.Watch watch = run.events().watch()) {
      Bridge.submit(run, "g-1");
      Bridge.next(watch, RolloutFinished.class);
    }
    bridge.close();

    bridge = new Bridge(directory, kind);
    bridge.policy.script(request -> "second life");
    bridge.environment.score(transcript -> Optional.of(Reward.of(1)));
    try (RunEvents.Watch watch = bridge.found().events().watch()) {
      bridge.runs.start();
      Bridge.next(watch, GroupCompleted.class);
    }

    Set<String> lives = new HashSet<>();
    for (RolloutSummary rollout : bridge.found().views().group("g-1").orElseThrow().rollouts())
      lives.add(
          rollout.attempt()
              + " "
              + bridge
                  .found()
                  .views()
                  .trajectory("g-1", rollout.index())
                  .orElseThrow()
                  .transcript()
                  .getLast()
                  .content());
    assertThat(lives).containsExactlyInAnyOrder("0 first life", "1 second life");
  }

  @Test
  void aRestartDoesNotAdmitMoreThanTheBound() throws Exception {
    bridge.policy.script(request -> {
      new CountDownLatch(1).await();
      return "never";
    });
    Bridge.submit(bridge.run(""), "g-1", "g-2", "g-3", "g-4", "g-5", "g-6");
    bridge.close();

    bridge = new Bridge(directory, kind);
    try (RunEvents.Watch watch = bridge.found().events().watch()) {
      bridge.runs.start();
      bridge.found().end();
      Bridge.settled(watch, 4);
      assertThat(bridge.found().state().counters())
          .containsEntry("admitted", 4L)
          .containsEntry("groups_pending", 2L);
      assertThat(bridge.found().state().state()).isEqualTo("ending");
    }
  }

  @Test
  void waitingTasksAreAdmittedAfterARestart() throws Exception {
    Run run = bridge.run("\"groups_per_version\":1");
    try (RunEvents.Watch watch = run.events().watch()) {
      Bridge.submit(run, "g-1", "g-2");
      Bridge.settled(watch, 1);
    }
    bridge.close();

    bridge = Bridge.started(directory, kind);

    assertThat(bridge.found().state().counters())
        .containsEntry("groups_complete", 1L)
        .containsEntry("groups_pending", 1L)
        .containsEntry("admitted", 1L);
  }

  @Test
  void aTrajectoryThatBreaksAnInvariantIsQuarantined() throws Exception {
    bridge.policy.logprob(0.5f);
    Run run = bridge.run("");
    try (RunEvents.Watch watch = run.events().watch()) {
      Bridge.submit(run, "g-1");

      assertThat(Bridge.next(watch, RolloutFinished.class).rollout().violation())
          .contains("logprob 0.5");
      assertThat(Bridge.next(watch, GroupDropped.class).dropped().reason()).isEqualTo("incomplete");
      assertThat(run.state().counters()).containsEntry("quarantined", 2L);
    }
  }

  @Test
  void aFailedRolloutIsRefilled() throws Exception {
    AtomicInteger scored = new AtomicInteger();
    bridge.environment.score(transcript -> {
      if (scored.getAndIncrement() < 3) throw new EnvironmentLost("no sandbox");
      return Optional.of(Reward.of(scored.get() % 2));
    });
    Run run = bridge.run("\"incomplete\":{\"policy\":\"refill\",\"refills\":3}");
    try (RunEvents.Watch watch = run.events().watch()) {
      Bridge.submit(run, "g-1");

      assertThat(Bridge.next(watch, GroupCompleted.class).rewards()).hasSize(2);
      assertThat(
              run.views().group("g-1").orElseThrow().rollouts().stream()
                  .mapToInt(RolloutSummary::attempt)
                  .sum())
          .isEqualTo(3);
    }
  }

  @Test
  void refillsEnd() throws Exception {
    bridge.environment.score(transcript -> {
      throw new EnvironmentLost("no sandbox");
    });
    Run run = bridge.run("\"incomplete\":{\"policy\":\"refill\",\"refills\":3}");
    try (RunEvents.Watch watch = run.events().watch()) {
      Bridge.submit(run, "g-1");

      assertThat(Bridge.next(watch, GroupDropped.class).dropped().reason()).isEqualTo("incomplete");
      assertThat(run.state().counters()).containsEntry("stop_environment_lost", 5L);
    }
  }

  @Test
  void aGroupIsSettledAtItsDeadline() throws Exception {
    AtomicInteger started = new AtomicInteger();
    bridge.policy.script(request -> {
      if (started.incrementAndGet() == 3) new CountDownLatch(1).await();
      return "42";
    });
    Run run =
        bridge.run("\"group_size\":3,\"incomplete\":{\"policy\":\"wait\",\"group_deadline_s\":10}");
    try (RunEvents.Watch watch = run.events().watch()) {
      Bridge.submit(run, "g-1");
      Bridge.next(watch, RolloutFinished.class);
      Bridge.next(watch, RolloutFinished.class);
      run.tick();
      assertThat(run.views().group("g-1").orElseThrow().state()).isEqualTo("running");

      bridge.now.addAndGet(Duration.ofSeconds(10).toNanos());
      run.tick();

      assertThat(Bridge.next(watch, GroupCompleted.class).rewards()).hasSize(2);
    }
  }

  @Test
  void equalRewardsAreDroppedIfTheRunSaysSo() throws Exception {
    bridge.environment.score(transcript -> Optional.of(Reward.of(1)));
    Run run = bridge.run("\"zero_variance\":\"drop\"");
    try (RunEvents.Watch watch = run.events().watch()) {
      Bridge.submit(run, "g-1");

      FeedMessage.Dropped dropped = Bridge.next(watch, GroupDropped.class).dropped();
      assertThat(dropped.reason()).isEqualTo("zero_variance");
      assertThat(dropped.rewards()).containsOnly(OptionalDouble.of(1)).hasSize(2);
      assertThat(run.state().counters())
          .containsEntry("admitted", 0L)
          .containsEntry("dropped_length_1k", 1L);
    }
  }

  /// Dynamic sampling: no trainer says anything here, and only four groups may be unreleased.
  @Test
  void aGroupWithoutASignalMakesRoomForTheNextTask() throws Exception {
    bridge.environment.score(transcript -> Optional.of(Reward.of(1)));
    Run run = bridge.run("\"zero_variance\":\"drop\"");
    try (RunEvents.Watch watch = run.events().watch()) {
      for (int i = 0; i < 10; i++) Bridge.submit(run, "g-" + i);

      for (int i = 0; i < 10; i++)
        assertThat(Bridge.next(watch, GroupDropped.class).dropped().seq()).isEqualTo(i + 1);
      assertThat(run.state().counters())
          .containsEntry("dropped_zero_variance", 10L)
          .containsEntry("admission_bound", 4L)
          .containsEntry("admitted", 0L);
    }
  }

  @Test
  void cancellingStopsRolloutsForGood() throws Exception {
    Semaphore interrupted = new Semaphore(0);
    CountDownLatch playing = new CountDownLatch(2);
    bridge.policy.script(request -> {
      playing.countDown();
      try {
        new CountDownLatch(1).await();
      } finally {
        interrupted.release();
      }
      return "never";
    });
    Run run = bridge.run("");
    Bridge.submit(run, "g-1");
    assertThat(playing.await(10, TimeUnit.SECONDS)).isTrue();

    run.cancel();

    assertThat(interrupted.tryAcquire(2, 10, TimeUnit.SECONDS)).isTrue();
    assertThat(run.state().state()).isEqualTo("cancelled");
    bridge.close();
    bridge = Bridge.started(directory, kind);
    assertThat(bridge.found().state().state()).isEqualTo("cancelled");
    assertThat(bridge.found().views().group("g-1").orElseThrow().reason()).isEqualTo("cancelled");
  }

  @Test
  void aNewLineageStartsRunningRolloutsAgain() throws Exception {
    CountDownLatch playing = new CountDownLatch(2);
    bridge.policy.script(request -> {
      playing.countDown();
      if (bridge.policy.weights().lineage().equals("base")) new CountDownLatch(1).await();
      return "42";
    });
    Run run = bridge.run("");
    try (RunEvents.Watch watch = run.events().watch()) {
      Bridge.submit(run, "g-1");
      assertThat(playing.await(10, TimeUnit.SECONDS)).isTrue();

      bridge.publish("other", 1, Optional.empty(), OptionalLong.empty());

      Bridge.next(watch, GroupCompleted.class);
      assertThat(run.views().trajectory("g-1", 1).orElseThrow().id().attempt()).isEqualTo(1);
      assertThat(run.views().trajectory("g-1", 1).orElseThrow().rows().getFirst().lineage())
          .isEqualTo("other");
    }
  }

  @Test
  void drainingFinishesWhatRunsAndAdmitsNothing() throws Exception {
    CountDownLatch playing = new CountDownLatch(2);
    CountDownLatch goOn = new CountDownLatch(1);
    bridge.policy.script(request -> {
      playing.countDown();
      goOn.await();
      return "42";
    });
    Run run = bridge.run("\"groups_per_version\":1");
    Bridge.submit(run, "g-1", "g-2");
    assertThat(playing.await(10, TimeUnit.SECONDS)).isTrue();

    assertThat(bridge.runs.drain(Duration.ZERO)).isFalse();
    goOn.countDown();
    assertThat(bridge.runs.drain(Duration.ofSeconds(10))).isTrue();

    assertThat(run.views().group("g-1").orElseThrow().state()).isEqualTo("complete");
    assertThat(run.views().group("g-2").orElseThrow().state()).isEqualTo("pending");
  }

  @Test
  void aSlowWatcherIsToldHowMuchItLost() throws Exception {
    RunEvents events = new RunEvents();
    try (RunEvents.Watch watch = events.watch()) {
      for (int i = 0; i < 1030; i++) events.tell(new RunEvent.Ended(i));

      for (int i = 0; i < 1024; i++) Bridge.next(watch, RunEvent.Ended.class);
      assertThat(watch.next(Duration.ZERO)).contains(new RunEvent.Lost(6));
      assertThat(watch.next(Duration.ZERO)).isEmpty();
    }
  }

  @Test
  void anIdOutsideTheVocabularyIsQuarantined() throws Exception {
    bridge.policy.script(request -> Character.toString((char) ScriptedPolicy.VOCABULARY));
    Run run = bridge.run("");
    try (RunEvents.Watch watch = run.events().watch()) {
      Bridge.submit(run, "g-1");

      assertThat(Bridge.next(watch, RolloutFinished.class).rollout().violation())
          .contains("id 32768 at 4 is outside the vocabulary of 32768");
    }
  }

  private static boolean asked(Policy.Request request) {
    return new PlainFormat().text(request.prompt()).contains("done");
  }

  private static String[] names(int count) {
    String[] names = new String[count];
    for (int i = 0; i < count; i++) names[i] = "g-" + i;
    return names;
  }
}
