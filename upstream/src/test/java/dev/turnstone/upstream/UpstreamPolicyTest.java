package dev.turnstone.upstream;

import static dev.turnstone.upstream.TestFleet.await;
import static dev.turnstone.upstream.TestFleet.check;
import static dev.turnstone.upstream.TestFleet.request;
import static dev.turnstone.upstream.TestFleet.status;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.turnstone.rollout.Generation;
import dev.turnstone.rollout.Generation.FinishReason;
import dev.turnstone.rollout.Scores;
import dev.turnstone.upstream.EngineSpec.Kind;
import dev.turnstone.upstream.FakeEngine.Fault;
import dev.turnstone.upstream.UpstreamPolicy.NoEngine;
import dev.turnstone.upstream.routing.Concurrency;
import dev.turnstone.upstream.routing.Node;
import dev.turnstone.upstream.routing.Router;
import dev.turnstone.upstream.routing.Routing;
import dev.turnstone.upstream.wire.BadWords;
import dev.turnstone.upstream.wire.VllmWire;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

@Timeout(60)
class UpstreamPolicyTest {
  @RegisterExtension final TestFleet fleet = new TestFleet();

  @ParameterizedTest
  @CsvSource({"VLLM,false", "VLLM,true", "SGLANG,false"})
  void tokensComeWithTheirLogprobsOverEveryWire(Kind kind, boolean completions) throws Exception {
    FakeEngine engine = fleet.engine(kind);
    engine.completionsOnly = completions;
    UpstreamPolicy policy = fleet.policy(engine);
    List<Integer> heard = new ArrayList<>();

    Generation generation =
        policy.generate(
            request(20).withScores(new Scores(2, OptionalInt.empty())),
            (id, logprob, version) -> heard.add(id));

    check(generation, 20);
    assertThat(generation.finish()).isEqualTo(FinishReason.LENGTH);
    assertThat(heard).isEqualTo(Arrays.stream(generation.ids().toArray()).boxed().toList());
    assertThat(generation.tops()).hasSize(20).allMatch(top -> top.ids().size() == 2);
    assertThat(policy.contextLength()).isEqualTo(4096);
  }

  @ParameterizedTest
  @CsvSource({
    "VLLM, RAW_LOGPROBS, --logprobs-mode processed_logprobs",
    "VLLM, LOGITS, --logprobs-mode processed_logprobs",
    "VLLM, OTHER_TOKENIZER, another tokenizer",
    "VLLM, SMALL_VOCABULARY, another vocabulary",
    "VLLM, HTML, text/html",
    "VLLM, NAN, log-probability",
    "VLLM, TEXT_ONLY, text without token_ids",
    "VLLM, NOTHING, generates nothing",
    "VLLM, REDIRECT, redirect to http://example.org/",
    "SGLANG, RAW_LOGPROBS, SGLANG_RETURN_ORIGINAL_LOGPROB",
    "SGLANG, LOGITS, logits instead of log-probabilities",
    "SGLANG, OTHER_TOKENIZER, another tokenizer",
    "SGLANG, SMALL_VOCABULARY, another vocabulary",
    "SGLANG, HTML, text/html",
    "SGLANG, NAN, log-probability",
    "SGLANG, TEXT_ONLY, text without output_ids",
    "SGLANG, NOTHING, generates nothing",
    "SGLANG, REDIRECT, redirect to http://example.org/"
  })
  void aBadEngineIsRefusedByNameAndTheOthersGoOn(Kind kind, Fault fault, String why)
      throws Exception {
    FakeEngine bad = fleet.engine(kind);
    FakeEngine good = fleet.vllm();
    bad.fault = fault;

    assertThatThrownBy(() -> fleet.policy(bad))
        .isInstanceOf(NoEngine.class)
        .hasMessageContaining(bad.spec().name())
        .hasMessageContaining(why);

    UpstreamPolicy policy = fleet.policy(bad, good);
    assertThat(status(policy, bad).why().orElse("")).contains(why);
    assertThat(status(policy, good).why()).isEmpty();
    check(policy.generate(request(5)), 5);
  }

  @ParameterizedTest
  @EnumSource(
      value = Fault.class,
      names = {"HTML", "NAN", "TEXT_ONLY", "REDIRECT", "FOREIGN_IDS"})
  void anEngineThatTurnsBadIsEjectedByNameAndCostsNothing(Fault fault) throws Exception {
    FakeEngine bad = fleet.vllm();
    UpstreamPolicy policy = fleet.policy(bad, fleet.vllm());
    bad.fault = fault;

    for (int i = 0; i < 4; i++) check(policy.generate(request(8)), 8);

    await(() -> status(policy, bad).ejections() > 0);
    bad.fault = Fault.NONE;
    await(() -> status(policy, bad).why().isEmpty());
  }

  @Test
  void turnsAfterOneAnotherShareAConnection() throws Exception {
    FakeEngine engine = fleet.vllm();
    UpstreamPolicy policy = fleet.policy(engine);
    engine.ports.clear();
    for (int i = 0; i < 10; i++) check(policy.generate(request(4)), 4);
    // The watch of the engine takes connections from the same pool.
    assertThat(engine.ports).hasSizeLessThan(5);
  }

  @Test
  void anEngineThatWasLeftStandingGoesOn() throws Exception {
    FakeEngine engine = fleet.vllm();
    engine.paused = true;

    check(fleet.policy(engine).generate(request(5)), 5);
  }

  @Test
  void anEngineWhoseFiguresBreakOffOnceServesOn() throws Exception {
    FakeEngine engine = fleet.vllm();
    engine.brokenFigures.set(1);
    UpstreamPolicy policy = fleet.policy(engine);

    check(policy.generate(request(5)), 5);
    await(() -> engine.brokenFigures.get() < 0);
    assertThat(status(policy, engine).ejections()).isZero();
  }

  @Test
  void anEngineThatWasEjectedWhileItLoadedWaitsForItsWatch() {
    Node node = new Router(Routing.ROUND_ROBIN).add("engine", 1);
    UpstreamEngine engine =
        new UpstreamEngine(
            EngineSpec.parse("vllm=http://127.0.0.1:1"), node, new Concurrency(1, 1));
    var admitted =
        new Admission.Admitted(
            new VllmWire(new BadWords(FakeModel::encode, FakeModel::decode)), "fake", 4096, "");

    assertThat(engine.serveNow(admitted)).isFalse();
    assertThat(engine.admitted()).isEmpty();
    engine.state(new UpstreamEngine.State.In(admitted));
    assertThat(engine.serveNow(admitted)).isTrue();
  }
}
