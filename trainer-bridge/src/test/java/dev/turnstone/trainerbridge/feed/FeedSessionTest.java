package dev.turnstone.trainerbridge.feed;

import static org.assertj.core.api.Assertions.assertThat;

import dev.turnstone.rollout.Reward;
import dev.turnstone.rollout.WeightsUpdate;
import dev.turnstone.trainerbridge.log.LogKind;
import dev.turnstone.trainerbridge.log.Retention;
import dev.turnstone.trainerbridge.runs.Bridge;
import dev.turnstone.trainerbridge.runs.Run;
import dev.turnstone.trainerbridge.runs.RunEvent;
import dev.turnstone.trainerbridge.runs.RunEvents;
import dev.turnstone.trainerbridge.weights.WeightsFolder;
import dev.turnstone.trainerbridge.weights.WeightsOutcome;
import dev.turnstone.trainerbridge.wire.CloseCode;
import dev.turnstone.trainerbridge.wire.FeedJson;
import dev.turnstone.trainerbridge.wire.FeedMessage;
import dev.turnstone.trainerbridge.wire.FeedMessage.Dropped;
import dev.turnstone.trainerbridge.wire.FeedMessage.End;
import dev.turnstone.trainerbridge.wire.FeedMessage.Heartbeat;
import dev.turnstone.trainerbridge.wire.FeedMessage.WeightsApplied;
import dev.turnstone.trainerbridge.wire.FeedMessage.WeightsFailed;
import dev.turnstone.trainerbridge.wire.FeedMessage.Welcome;
import dev.turnstone.trainerbridge.wire.GroupFrame;
import dev.turnstone.trainerbridge.wire.WeightsRequest;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

@ParameterizedClass
@EnumSource(LogKind.class)
public class FeedSessionTest {
  private final LogKind kind;
  @TempDir Path directory;
  private Bridge bridge;

  FeedSessionTest(LogKind kind) {
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

  private Peer peer() {
    return new Peer(bridge);
  }

  private Peer trainer(long groups) throws Exception {
    return peer().hello("").says(credit(groups));
  }

  private static String credit(long groups) {
    return "{'type':'credit','groups':" + groups + ",'bytes':1000000}";
  }

  /// A run with that many complete groups; admission is wide open.
  private Run complete(int groups, String fields) throws Exception {
    Run run = bridge.run("\"groups_per_version\":64" + fields);
    settle(run, 1, groups);
    return run;
  }

  private static void settle(Run run, int from, int to) throws Exception {
    try (RunEvents.Watch watch = run.events().watch()) {
      for (int i = from; i <= to; i++) Bridge.submit(run, "g-" + i);
      Bridge.settled(watch, to - from + 1);
    }
  }

  private static void trainedAndCommitted(Peer peer, long seq) throws Exception {
    peer.says(
        "{'type':'commit','epoch':%d,'seq':%d,'version':0,'checkpoint':'c-%d'}"
            .formatted(peer.epoch(), seq, seq));
  }

  @Test
  void aTrainerIsWelcomedAndServedWithinItsCredit() throws Exception {
    complete(3, "");

    Peer peer = peer().hello("");
    Welcome welcome = peer.socket.last(Welcome.class);
    assertThat(welcome.epoch()).isEqualTo(1);
    assertThat(welcome.head()).isEqualTo(3);
    assertThat(welcome.policy()).isEqualTo(Bridge.IDENTITY);
    assertThat(welcome.lineage()).isEqualTo("base");
    assertThat(peer.socket.order()).isEmpty();

    assertThat(peer.says(credit(2)).socket.order()).containsExactly(1L, 2L);
    assertThat(peer.says(credit(1)).socket.order()).containsExactly(1L, 2L, 3L);
    GroupFrame group = peer.socket.groups().getFirst();
    assertThat(group.epoch()).isEqualTo(1);
    assertThat(group.expected()).isEqualTo(2);
    assertThat(group.rows()).hasSize(2);
    assertThat(group.task().data().text()).isEqualTo("{\"answer\":\"42\"}");
  }

  @Test
  void bytesMayGoNegativeByOneGroup() throws Exception {
    complete(3, "");

    Peer peer = peer().hello("").says("{'type':'credit','groups':9,'bytes':1}");
    assertThat(peer.socket.order()).containsExactly(1L);

    assertThat(peer.says("{'type':'credit','groups':0,'bytes':1}").socket.order())
        .containsExactly(1L);
    assertThat(peer.says("{'type':'credit','groups':0,'bytes':5000}").socket.order())
        .hasSizeGreaterThan(1);
  }

  @Test
  void noCreditClosesAdmission() throws Exception {
    Run run = bridge.run("");
    Peer peer = peer().hello("");
    try (RunEvents.Watch watch = run.events().watch()) {
      Bridge.submit(run, "g-1");
      assertThat(run.views().group("g-1").orElseThrow().state()).isEqualTo("pending");

      peer.says(credit(1));
      Bridge.settled(watch, 1);
      assertThat(peer.says().socket.order()).containsExactly(1L);
      Bridge.submit(run, "g-2");
      assertThat(run.views().group("g-2").orElseThrow().state()).isEqualTo("pending");

      // Without a trainer only the bound counts.
      peer.session.onClosed();
      peer.says();
      Bridge.settled(watch, 1);
    }
  }

  @Test
  void admissionOpensWhenWhatWasTrainedIsApplied() throws Exception {
    Run run = bridge.run("\"groups_per_version\":2");
    try (RunEvents.Watch watch = run.events().watch()) {
      Bridge.submit(run, "g-1", "g-2", "g-3");
      Bridge.settled(watch, 2);
      Peer peer = trainer(9);

      peer.says("{'type':'trained','epoch':1,'seq':2,'version':1}");
      assertThat(run.state().counters()).containsEntry("admitted", 2L);
      assertThat(bridge.publish("base", 1, Optional.of("r"), OptionalLong.of(1)))
          .isInstanceOf(WeightsOutcome.Applied.class);

      Bridge.settled(watch, 1);
      assertThat(run.state().counters()).containsEntry("trained", 2L).containsEntry("released", 2L);
      assertThat(peer.says().socket.groups().getLast().versionMin()).isEqualTo(1);
    }
  }

  @Test
  void theNewestTrainerFencesTheOlder() throws Exception {
    complete(1, "");
    Peer older = peer().hello("");
    Peer newer = peer().hello("");

    assertThat(newer.epoch()).isEqualTo(2);
    assertThat(older.says().socket.code()).contains(CloseCode.FENCED);
    assertThat(newer.socket.code()).isEmpty();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          {'type':'trained','epoch':7,'seq':1,'version':1}                  | 4401 | epoch 7 is over: the run's is 1
          {'type':'commit','epoch':0,'seq':1,'version':1,'checkpoint':'c'}  | 4401 | epoch 0 is over: the run's is 1
          {'type':'trained','epoch':1,'seq':9,'version':1}                  | 1002 | trained: seq is above 1, the last that was sent: 9
          {'type':'received','seq':9}                                       | 1002 | received: seq is above 1, the last that was sent: 9
          {'type':'commit','epoch':1,'seq':2,'version':1,'checkpoint':'c'}  | 1002 | commit: seq is above 1, the last that was sent: 2
          {'type':'credit','groups':1099511627777,'bytes':0}                | 1002 | credit: 1099511627777 groups and 0 bytes make more than 2^40
          {'type':'credit','groups':0,'bytes':9223372036854775807}          | 1002 | credit: 0 groups and 9223372036854775807 bytes
          {'type':'nack','seq':0,'reason':'x'}                              | 1002 | nack: seq < 1
          {'type':'trained','seq':1,'version':1}                            | 1002 | epoch is missing
          {'type':'credit','groups':-1,'bytes':0}                           | 1002 | groups < 0: -1
          {'type':'credit','groups':1.5,'bytes':0}                          | 1002 | groups is not an integer: 1.5
          {'type':'dance'}                                                  | 1002 | type is not a feed message: dance
          {'type':'end','head':1}                                           | 1002 | only a server sends end
          {'type':'welcome','epoch':1}                                      | 1002 | only a server sends welcome
          {'type':'hello','run':'r','role':'train','consumer':'t'}          | 1002 | hello came twice
          {'type':'weights','lineage':'l','version':1,'uri':'/x','manifest_sha256':'zz'} | 1002 | manifest_sha256 is not 64
          not json                                                          | 1002 | not JSON
          []                                                                | 1002 | the body is not an object: []
          """)
  void whatTheProtocolForbidsEndsTheConnection(String frame, int code, String reason)
      throws Exception {
    complete(1, "");
    Peer peer = trainer(1).says(frame);

    assertThat(peer.socket.code()).contains(code);
    assertThat(peer.socket.reason()).contains(reason);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          {'type':'credit','groups':1,'bytes':1}                            | 1002 | the first message is not hello
          {'type':'hello','run':'other','role':'train','consumer':'t'}      | 4400 | this is the feed of run r: other
          {'type':'hello','run':'r','role':'lead','consumer':'t'}           | 1002 | role is not one of train, observe: "lead"
          {'type':'hello','run':'r','role':'train','consumer':'t','max_staleness':3} | 4400 | the run's max_staleness is 0, not 3
          {'type':'hello','run':'r','role':'train','consumer':'t','zero_variance':'drop'} | 4400 | the run's zero_variance is "keep", not "drop"
          {'type':'hello','run':'r','role':'train','consumer':'t','incomplete':{'policy':'mask'}} | 4400 | the run's incomplete is {"policy":"wait"
          {'type':'hello','run':'r','role':'train','consumer':'t','tokenizer_sha256':'cc'} | 4400 | the run's tokenizer_sha256 is
          {'type':'hello','run':'r','role':'train','consumer':'t','chat_template_sha256':'cc'} | 4400 | the run's chat_template_sha256 is
          {'type':'hello','run':'r','role':'train','consumer':'t','resume':{'commit':2,'held':1}} | 1002 | commit 2, held 1
          {'type':'hello','run':'r','role':'train','consumer':'t','resume':{'commit':0,'held':9}} | 4410 | held 9 is above head 1; the first seq there is is 1
          """)
  void whatDoesNotFitIsRefused(String frame, int code, String reason) throws Exception {
    complete(1, "");
    Peer peer = peer().says(frame);

    assertThat(peer.socket.code()).contains(code);
    assertThat(peer.socket.reason()).contains(reason);
  }

  @Test
  void aHelloThatAgreesIsWelcomed() throws Exception {
    complete(1, "");

    Peer peer =
        peer().hello(",'max_staleness':0,'group_size':2,'incomplete':{'group_deadline_s':600}");

    assertThat(peer.socket.code()).isEmpty();
  }

  @Test
  void aTrainerGoesOnAfterWhatItHolds() throws Exception {
    complete(4, "");
    trainer(9);

    Peer again = peer().hello(",'resume':{'commit':0,'held':3}").says(credit(9));

    assertThat(again.socket.order()).containsExactly(4L);
  }

  @Test
  void aRestartedTrainerGetsEverythingAfterItsCheckpointAgain() throws Exception {
    Run run = complete(4, "");
    Peer first = trainer(9);
    first.says("{'type':'trained','epoch':1,'seq':4,'version':0}");
    trainedAndCommitted(first, 2);
    assertThat(run.state().counters()).containsEntry("admitted", 0L);

    Peer again = peer().hello(",'resume':{'commit':2,'held':2}").says(credit(9));

    assertThat(again.socket.order()).containsExactly(3L, 4L);
    // What it lost is untrained again.
    assertThat(run.state().counters()).containsEntry("trained", 2L).containsEntry("admitted", 2L);
  }

  @Test
  void withoutAResumeTheStoredCommitCounts() throws Exception {
    complete(3, "");
    trainedAndCommitted(trainer(9), 2);

    assertThat(trainer(9).socket.order()).containsExactly(3L);
  }

  @Test
  void theTrainersCheckpointIsTheTruth() throws Exception {
    Run run = complete(4, "");
    trainedAndCommitted(trainer(9), 2);

    Peer ahead = peer().hello(",'resume':{'commit':3,'held':3}").says(credit(9));
    assertThat(ahead.socket.order()).containsExactly(4L);
    assertThat(run.state().counters()).containsEntry("commit", 3L);

    Peer behind = peer().hello(",'resume':{'commit':1,'held':1}").says(credit(9));
    assertThat(behind.socket.order()).containsExactly(2L, 3L, 4L);
    assertThat(run.state().counters()).containsEntry("commit", 1L);
  }

  @Test
  void rowsAreKeptUntilTwoLaterCheckpoints() throws Exception {
    Run run = complete(5, "");
    Peer peer = trainer(9);
    for (long seq = 1; seq <= 3; seq++) trainedAndCommitted(peer, seq);
    Retention retention = bridge.log.retention();
    assertThat(retention.sweep(Bridge.KEEP)).isZero();
    assertThat(run.views().trajectory("g-1", 0)).isPresent();
    assertThat(retention.sweep(new Retention.Policy(0, Duration.ofDays(1)))).isEqualTo(2);
    assertThat(
            run.views().trajectory("g-1", 0).isEmpty()
                && run.views().trajectory("g-2", 0).isPresent())
        .isTrue();

    assertThat(peer().hello(",'resume':{'commit':1,'held':1}").says(credit(9)).socket.order())
        .containsExactly(2L, 3L, 4L, 5L);
    Peer gone = peer().hello(",'resume':{'commit':0,'held':0}");
    assertThat(gone.socket.code()).contains(CloseCode.GONE);
    assertThat(gone.socket.reason()).isEqualTo("seq 1 is not kept; the first seq there is is 2");
  }

  @Test
  void cursorsAndEpochSurviveARestart() throws Exception {
    complete(3, "");
    Peer peer = trainer(9);
    peer.says("{'type':'trained','epoch':1,'seq':3,'version':0}");
    trainedAndCommitted(peer, 2);
    bridge.close();

    bridge = Bridge.started(directory, kind);

    assertThat(bridge.found().state().counters())
        .containsEntry("trained", 3L)
        .containsEntry("commit", 2L)
        .containsEntry("released", 3L);
    Peer again = trainer(9);
    assertThat(again.epoch()).isEqualTo(2);
    assertThat(again.socket.order()).containsExactly(3L);
  }

  @Test
  void aGroupThatIsTooOldIsDroppedWhenItsTurnComes() throws Exception {
    Run run = complete(1, "");
    bridge.publish(1);
    settle(run, 2, 2);

    Peer peer = trainer(9);

    assertThat(peer.socket.order()).containsExactly(1L, 2L);
    Dropped dropped = peer.socket.last(Dropped.class);
    assertThat(dropped.seq()).isEqualTo(1);
    assertThat(dropped.reason()).isEqualTo("stale");
    assertThat(dropped.lengths()).hasSize(2);
    assertThat(run.state().counters()).containsEntry("dropped_stale", 1L);
  }

  @Test
  void aGroupWithinTheBoundIsSent() throws Exception {
    complete(1, ",\"max_staleness\":1");
    bridge.publish(1);

    assertThat(trainer(9).socket.groups()).hasSize(1);
  }

  @Test
  void aRefusedGroupIsQuarantinedAndDropped() throws Exception {
    Run run = complete(2, "");
    Peer peer = trainer(1).says("{'type':'nack','seq':1,'reason':'row 0 is odd'}");

    assertThat(peer.socket.last(Dropped.class).reason()).isEqualTo("refused");
    assertThat(run.state().counters())
        .containsEntry("quarantined", 1L)
        .containsEntry("dropped_refused", 1L)
        .containsEntry("admitted", 1L);
    assertThat(trainer(9).socket.order()).containsExactly(1L, 2L);
  }

  @Test
  void droppedGroupsKeepTheirPlaceInTheFeedAndNeedNoCredit() throws Exception {
    Run run = bridge.run("\"groups_per_version\":64,\"zero_variance\":\"drop\"");
    bridge.environment.score(transcript -> Optional.of(Reward.of(1)));
    settle(run, 1, 2);

    assertThat(peer().hello("").socket.order()).containsExactly(1L, 2L);
  }

  @Test
  void theEndComesAfterTheLastGroup() throws Exception {
    Run run = complete(2, "");
    run.end();
    Peer peer = trainer(1);
    assertThat(peer.socket.all(End.class)).isEmpty();

    peer.says(credit(1)).says();

    assertThat(peer.socket.all(End.class)).containsExactly(new End(2));
  }

  @Test
  void anObserverReadsWithoutTakingPart() throws Exception {
    Run run = complete(2, "");
    Peer trainer = trainer(1);
    Peer observer =
        peer()
            .says(
                "{'type':'hello','run':'r','role':'observe','consumer':'o','resume':{'commit':0,'held':0}}",
                credit(9));

    assertThat(observer.socket.order()).containsExactly(1L, 2L);
    assertThat(observer.epoch()).isEqualTo(1);
    assertThat(run.state().counters()).containsEntry("observers", 1L);
    assertThat(trainer.says(credit(9)).socket.order()).containsExactly(1L, 2L);

    observer.says("{'type':'commit','epoch':1,'seq':1,'version':1,'checkpoint':'c'}");
    assertThat(observer.socket.code()).contains(CloseCode.PROTOCOL);
    assertThat(run.state().counters()).containsEntry("observers", 0L).containsEntry("commit", 0L);
  }

  @Test
  void heartbeatsGoOutAndSilenceEndsTheConnection() throws Exception {
    bridge.run("");
    Peer peer = peer().hello("");
    bridge.now.addAndGet(Duration.ofSeconds(5).toNanos());
    assertThat(peer.says().socket.all(Heartbeat.class)).hasSize(1);

    bridge.now.addAndGet(Duration.ofSeconds(50).toNanos());
    peer.says("{'type':'heartbeat'}");
    bridge.now.addAndGet(Duration.ofSeconds(59).toNanos());
    assertThat(peer.says().socket.code()).isEmpty();

    bridge.now.addAndGet(Duration.ofSeconds(1).toNanos());
    assertThat(peer.says().socket.code()).contains(CloseCode.SILENT);
  }

  @Test
  void aTrainerThatIsBusyForAQuarterOfAnHourLosesNothing() throws Exception {
    complete(2, "");
    Peer peer = trainer(2);
    assertThat(peer.socket.order()).containsExactly(1L, 2L);

    // Its connection lives on a thread of its own.
    for (int second = 0; second < 900; second += 5) {
      bridge.now.addAndGet(Duration.ofSeconds(5).toNanos());
      peer.says("{'type':'heartbeat'}");
    }
    assertThat(peer.socket.code()).isEmpty();
    assertThat(peer.socket.all(Heartbeat.class)).hasSize(180);
    trainedAndCommitted(peer, 2);

    assertThat(peer.socket.code()).isEmpty();
    assertThat(peer.socket.order()).containsExactly(1L, 2L);
    assertThat(bridge.found().state().counters()).containsEntry("commit", 2L);
  }

  @Test
  void heartbeatsGoOnWhileAGroupDoesNotGetThrough() throws Exception {
    complete(1, "");
    CountDownLatch beats = new CountDownLatch(3);
    CountDownLatch released = new CountDownLatch(1);
    FeedSocket stuck =
        new FeedSocket() {
          @Override
          public void text(String message) {
            if (message.contains("heartbeat")) beats.countDown();
            bridge.now.addAndGet(Duration.ofMillis(20).toNanos());
          }

          @Override
          public void binary(byte[] message) throws InterruptedException {
            bridge.now.addAndGet(Duration.ofMillis(20).toNanos());
            released.await();
          }

          @Override
          public void close(int code, String reason) {}
        };
    FeedSession session = bridge.found().feed(stuck);
    session.start();
    session.onText(
        "{\"type\":\"hello\",\"run\":\"r\",\"role\":\"train\",\"consumer\":\"t\","
            + "\"heartbeat_ms\":20}");
    session.onText(credit(1).replace('\'', '"'));

    assertThat(beats.await(20, TimeUnit.SECONDS)).isTrue();
    released.countDown();
    session.onClosed();
    session.join();
  }

  @Test
  void newWeightsAreAppliedAndAnswered() throws Exception {
    Run run = bridge.run("\"kv\":\"keep\",\"pause\":\"wait\"");
    WeightsFolder.Published first = Bridge.published(directory, "base", 1, 1);
    Peer peer = peer().hello("");

    peer.says(weights(first, peer.epoch()));
    awaitAnswers(peer, 1);

    assertThat(peer.socket.last(WeightsApplied.class).version()).isEqualTo(1);
    assertThat(bridge.policy.updates().getFirst().pause()).isEqualTo(WeightsUpdate.Pause.WAIT);
    assertThat(run.state().weights().version()).isEqualTo(1);

    peer.says(weights(first, peer.epoch()).replace(first.id().sha256(), "0".repeat(64)));
    awaitAnswers(peer, 2);
    assertThat(peer.socket.last(WeightsFailed.class).reason()).contains("other bytes");
    assertThat(run.state().weights().version()).isEqualTo(1);
  }

  /// The files of a folder as a trainer sends them, in frames of a few bytes.
  private static void stream(Peer peer, WeightsFolder.Published published) throws Exception {
    for (String name : List.of("manifest.json", "model.safetensors")) {
      byte[] bytes = Files.readAllBytes(published.folder().resolve(name));
      peer.says(
          "{'type':'weights_file','lineage':'%s','version':%d,'file':'%s','size':%d}"
              .formatted(published.id().lineage(), published.id().version(), name, bytes.length));
      for (int at = 0; at < bytes.length; at += 50)
        peer.session.onBinary(Arrays.copyOfRange(bytes, at, Math.min(at + 50, bytes.length)));
    }
  }

  private Path uploads() {
    return directory.resolve(".uploads");
  }

  @Test
  void weightsMayComeOverTheFeed(@TempDir Path elsewhere) throws Exception {
    Run run = bridge.run("");
    WeightsFolder.Published first = Bridge.published(elsewhere, "base", 1, 1);
    Peer peer = peer().hello("");
    stream(peer, first);
    WeightsFolder.Published here = new WeightsFolder.Published(first.id(), WeightsRequest.STREAMED);

    peer.says(weights(here, peer.epoch()));
    awaitAnswers(peer, 1);

    assertThat(peer.socket.last(WeightsApplied.class).version()).isEqualTo(1);
    assertThat(run.state().weights()).isEqualTo(first.id());
    assertThat(uploads()).isEmptyDirectory();

    peer.says(weights(here, peer.epoch()).replace("\"version\":1", "\"version\":2"));
    awaitAnswers(peer, 2);
    assertThat(peer.socket.last(WeightsFailed.class).reason())
        .isEqualTo("no whole files of version 2 of lineage base came over this connection");
  }

  @Test
  void filesThatCameAreGoneWithTheConnection(@TempDir Path elsewhere) throws Exception {
    bridge.run("");
    Peer peer = peer().hello("");
    stream(peer, Bridge.published(elsewhere, "base", 1, 1));
    assertThat(uploads()).isNotEmptyDirectory();

    peer.session.onClosed();
    peer.says();

    assertThat(uploads()).isEmptyDirectory();
  }

  @Test
  void whatAKilledServerLeftIsForgottenADayLater(@TempDir Path elsewhere) throws Exception {
    bridge.run("");
    Path left = Files.createDirectories(uploads().resolve("upload-1"));
    Path fresh = Files.createDirectories(uploads().resolve("upload-2"));
    // What cannot be looked at hinders nobody.
    Files.createSymbolicLink(uploads().resolve("upload-3"), directory.resolve("nowhere"));
    Files.setLastModifiedTime(left, FileTime.from(Instant.now().minus(Duration.ofHours(25))));

    stream(peer().hello(""), Bridge.published(elsewhere, "base", 1, 1));

    assertThat(left).doesNotExist();
    assertThat(fresh).exists();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          ../x   | 3              | 0 | not a plain file name: ../x
          a      | 99999999999999 | 0 | a of 99999999999999 bytes does not fit: there is room for
          a      | 3              | 4 | a has 3 bytes left, but 4 came
          a      | 3              | 2 | b begins while 1 bytes of a are missing
          """)
  void aFileThatCannotBeTakenEndsTheConnection(String name, long size, int sent, String reason)
      throws Exception {
    bridge.run("");
    Peer peer = peer().hello("");
    String file = "{'type':'weights_file','lineage':'l','version':1,'file':'%s','size':%d}";
    peer.says(file.formatted(name, size));
    if (sent > 0) peer.session.onBinary(new byte[sent]);
    peer.says(file.formatted("b", 1));

    assertThat(peer.socket.code()).contains(CloseCode.PROTOCOL);
    assertThat(peer.socket.reason()).contains(reason);
    assertThat(bridge.policy.updates()).isEmpty();
  }

  @Test
  void figuresThatAreTooLongToBeKeptEndTheConnection() throws Exception {
    bridge.run("");
    Peer peer = peer().hello("");
    String stats = "{'type':'stats','note':'%s'}";

    peer.says(stats.formatted("x".repeat(65_000)));
    assertThat(peer.socket.code()).isEmpty();

    peer.says(stats.formatted("x".repeat(66_000)));
    assertThat(peer.socket.code()).contains(CloseCode.PROTOCOL);
    assertThat(peer.socket.reason())
        .isEqualTo("stats of 66026 characters: at most 65536 are kept for people");
  }

  @Test
  void aBinaryFrameThatBelongsToNoFileEndsTheConnection() throws Exception {
    bridge.run("");
    Peer peer = peer().hello("");
    peer.session.onBinary(new byte[3]);

    assertThat(peer.says().socket.code()).contains(CloseCode.PROTOCOL);
    assertThat(peer.socket.reason())
        .isEqualTo("a binary frame from the client without a weights_file before it");
  }

  @Test
  void weightsOfAnOlderEpochFenceTheirSender() throws Exception {
    bridge.run("");
    WeightsFolder.Published first = Bridge.published(directory, "base", 1, 1);
    peer().hello("");
    Peer peer = peer().hello("");

    peer.says(weights(first, 1));
    awaitAnswers(peer, 1);

    assertThat(peer.socket.code()).contains(CloseCode.FENCED);
    assertThat(bridge.policy.updates()).isEmpty();
  }

  @Test
  void theTrainersFiguresReachWhoeverWatches() throws Exception {
    Run run = bridge.run("");
    try (RunEvents.Watch watch = run.events().watch()) {
      peer().hello("").says("{'type':'stats','step':3,'loss':0.5}");

      assertThat(Bridge.next(watch, RunEvent.TrainerStats.class).toJson())
          .hasToString("{\"step\":3,\"loss\":0.5}");
    }
  }

  @Test
  void cancellingARunClosesItsFeed() throws Exception {
    Run run = bridge.run("");
    Peer peer = peer().hello("");
    run.cancel();

    assertThat(peer.says().socket.code()).contains(CloseCode.NORMAL);
    assertThat(peer().hello("").socket.reason()).isEqualTo("run r was cancelled");
  }

  @Test
  void maskedRolloutsAreSentWithNothingToTrain() throws Exception {
    Run run = bridge.run("\"stops\":{\"answer\":\"mask\"}");
    settle(run, 1, 1);

    List<Integer> trainable = new ArrayList<>();
    trainer(1)
        .socket
        .groups()
        .getFirst()
        .rows()
        .forEach(row -> {
          trainable.add(row.data().trainable());
          assertThat(row.data().logprobs().get(row.data().promptLength())).isEqualTo(-0.5f);
        });
    assertThat(trainable).containsExactly(0, 0);
  }

  private static String weights(WeightsFolder.Published published, long epoch) {
    return FeedJson.encode(
        new FeedMessage.Weights(
            new WeightsRequest(
                Optional.empty(),
                OptionalLong.of(epoch),
                published.id(),
                published.folder(),
                Optional.empty(),
                Optional.empty())));
  }

  /// Answers to weights come from a thread of their own.
  private static void awaitAnswers(Peer peer, int count) throws Exception {
    while (peer.socket.code().isEmpty() && answers(peer) < count) {
      assertThat(peer.session.awaitWake(Duration.ofSeconds(10))).isTrue();
      peer.says();
    }
  }

  private static int answers(Peer peer) {
    return peer.socket.all(WeightsApplied.class).size()
        + peer.socket.all(WeightsFailed.class).size();
  }
}
