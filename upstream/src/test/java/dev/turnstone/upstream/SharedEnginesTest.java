package dev.turnstone.upstream;

import static dev.turnstone.upstream.TestFleet.await;
import static dev.turnstone.upstream.TestFleet.check;
import static dev.turnstone.upstream.TestFleet.hanging;
import static dev.turnstone.upstream.TestFleet.heard;
import static dev.turnstone.upstream.TestFleet.loads;
import static dev.turnstone.upstream.TestFleet.request;
import static dev.turnstone.upstream.TestFleet.start;
import static dev.turnstone.upstream.TestFleet.status;
import static dev.turnstone.upstream.TestFleet.update;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.turnstone.rollout.Generation;
import dev.turnstone.rollout.TrainablePolicy.WeightsRejected;
import dev.turnstone.rollout.WeightsId;
import dev.turnstone.rollout.WeightsUpdate;
import dev.turnstone.rollout.WeightsUpdate.Kv;
import dev.turnstone.rollout.WeightsUpdate.Pause;
import dev.turnstone.upstream.EngineSpec.Kind;
import dev.turnstone.upstream.EngineSpec.WeightsBy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@Timeout(60)
class SharedEnginesTest {
  @RegisterExtension final TestFleet fleet = new TestFleet();

  @Test
  void twoServersBringTheSameWeightsToTheSameEngine(@TempDir Path root) throws Exception {
    FakeEngine engine = fleet.vllm();
    UpstreamPolicy one = fleet.policy(engine);
    UpstreamPolicy other = fleet.policy(engine);

    for (int version = 1; version <= 2; version++) {
      Path folder = Files.createDirectory(root.resolve("v" + version));
      Files.writeString(folder.resolve("manifest.json"), "{\"files\":[%d]}".formatted(version));
      WeightsUpdate update =
          new WeightsUpdate(
              new WeightsId("base", version, "ab".repeat(32)), folder, Pause.KEEP, Kv.RECOMPUTE);
      one.apply(update);
      other.apply(update);
    }

    assertThat(other.weights().version()).isEqualTo(2);
    check(one.generate(request(5)), 5);
    check(other.generate(request(5)), 5);
  }

  @ParameterizedTest
  @EnumSource(Kind.class)
  void whatAnotherServerHasBroughtIsRecordedAsThatAndNotReplaced(Kind kind) throws Exception {
    FakeEngine engine = fleet.engine(kind);
    UpstreamPolicy one = fleet.policy(engine);
    UpstreamPolicy other = fleet.policy(engine);
    FutureTask<Generation> turn = hanging(other, engine);
    one.apply(update(1, Pause.KEEP));
    engine.hangAfter = Integer.MAX_VALUE;

    await(() ->
        status(other, engine).why().orElse("").contains("has brought it base/1")
            || status(other, engine).why().orElse("").contains("was not told of"));
    long loads = loads(engine);
    other.apply(update(1, Pause.KEEP));

    check(turn.get(), 10);
    check(other.generate(request(5)), 5);
    assertThat(other.weights().version()).isEqualTo(1);
    assertThat(loads(engine)).isEqualTo(loads);
  }

  @Test
  void tokensOfWeightsThatAnotherServerBroughtUnseenHaveTheirVersion() throws Exception {
    FakeEngine engine = fleet.vllm();
    UpstreamPolicy policy = fleet.policy(engine);
    engine.version = 3;
    engine.label = WeightsLabel.of(update(3, Pause.KEEP).id()).toString();

    // Either its watch has seen it already, or the engine says it of the tokens.
    FutureTask<Generation> turn = start(policy, 6);
    await(() -> status(policy, engine).why().isPresent());
    policy.apply(update(3, Pause.KEEP));

    check(turn.get(), 6);
    assertThat(turn.get().versions().values()).containsExactly(3);
  }

  @Test
  void anUpdateThatCutsATurnKnowsWhatAnotherServerHadBroughtBefore() throws Exception {
    FakeEngine engine = fleet.vllm();
    UpstreamPolicy policy = fleet.policy(WeightsBy.DISK, Duration.ofMinutes(1), engine);
    engine.version = 1;
    engine.label = WeightsLabel.of(update(1, Pause.KEEP).id()).toString();
    FutureTask<Generation> turn = heard(policy, engine);
    engine.hangAfter = Integer.MAX_VALUE;

    policy.apply(update(1, Pause.KEEP));

    check(turn.get(), 10);
    assertThat(turn.get().versions().values()).containsExactly(1);
    assertThat(loads(engine)).isZero();
    assertThat(status(policy, engine).ejections()).isZero();
  }

  @Test
  void newerWeightsAreNotReplacedByOlderOnes() throws Exception {
    FakeEngine engine = fleet.vllm();
    UpstreamPolicy policy = fleet.policy(engine, fleet.vllm());
    policy.apply(update(1, Pause.KEEP));
    engine.version = 2;
    engine.label = WeightsLabel.of(update(2, Pause.KEEP).id()).toString();
    long loads = loads(engine);

    await(() -> status(policy, engine).why().orElse("").contains("has brought it base/2"));
    for (int i = 0; i < 4; i++) check(policy.generate(request(5)), 5);

    assertThat(loads(engine)).isEqualTo(loads);
    policy.apply(update(2, Pause.KEEP));
    await(() -> status(policy, engine).why().isEmpty());
    assertThat(loads(engine)).isEqualTo(loads);
  }

  @Test
  void weightsThatAnotherServerClaimsMeanwhileAreNotTakenForOurs() throws Exception {
    FakeEngine engine = fleet.vllm();
    UpstreamPolicy policy = fleet.policy(engine);
    WeightsLabel theirs = WeightsLabel.of(update(2, Pause.KEEP).id());
    engine.rival = Optional.of(theirs.loading(EngineWeights.now()));

    assertThatThrownBy(() -> policy.apply(update(1, Pause.KEEP)))
        .isInstanceOf(WeightsRejected.class)
        .hasMessageContaining("another server brings it weights");
    assertThat(engine.label).isEqualTo(engine.rival.orElseThrow());
  }
}
