package dev.turnstone.upstream;

import static dev.turnstone.upstream.TestFleet.PROMPT;
import static dev.turnstone.upstream.TestFleet.TEMPERATURE;
import static dev.turnstone.upstream.TestFleet.check;
import static dev.turnstone.upstream.TestFleet.request;
import static dev.turnstone.upstream.TestFleet.start;
import static dev.turnstone.upstream.TestFleet.status;
import static dev.turnstone.upstream.TestFleet.update;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.turnstone.rollout.Constraint;
import dev.turnstone.rollout.Generation;
import dev.turnstone.rollout.Generation.FinishReason;
import dev.turnstone.rollout.GenerationOptions;
import dev.turnstone.rollout.Json;
import dev.turnstone.rollout.LogprobMode;
import dev.turnstone.rollout.Policy.Request;
import dev.turnstone.rollout.PromptLogprobs;
import dev.turnstone.rollout.Sampling;
import dev.turnstone.rollout.Scores;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.TopLogprobs;
import dev.turnstone.rollout.WeightsUpdate.Pause;
import dev.turnstone.upstream.EngineSpec.Kind;
import dev.turnstone.upstream.EngineSpec.WeightsBy;
import dev.turnstone.upstream.FakeEngine.Fault;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.FutureTask;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/// Engines say how probable a token was among those that could be drawn, and nothing of the prompt
/// while they stream; what is recorded is asked for apart.
@Timeout(60)
class ScoredApartTest {
  private static final Offset<Double> CLOSE = Offset.offset(1e-4);
  private static final Constraint OBJECT =
      new Constraint.Schema(new Json("{\"type\": \"object\"}"));

  @RegisterExtension final TestFleet fleet = new TestFleet();

  private static Sampling sampling(double temperature) {
    return new Sampling(temperature, 0, 1, 0, OptionalLong.empty());
  }

  private FakeEngine engine(Kind kind, boolean completions) {
    FakeEngine engine = fleet.engine(kind);
    engine.completionsOnly = completions;
    return engine;
  }

  @ParameterizedTest
  @CsvSource({
    "VLLM,false,0.7",
    "VLLM,false,1",
    "VLLM,true,0.7",
    "VLLM,true,1",
    "SGLANG,false,0.7",
    "SGLANG,false,1"
  })
  void whatAMaskLeavesIsRecordedAsItWasBeforeTheMask(
      Kind kind, boolean completions, double temperature) throws Exception {
    FakeEngine engine = engine(kind, completions);
    UpstreamPolicy policy = fleet.policy(engine);
    List<Float> heard = new ArrayList<>();

    Generation generation =
        policy.generate(
            request(6, sampling(temperature))
                .withConstraint(OBJECT)
                .withScores(new Scores(2, OptionalInt.empty())),
            (id, logprob, version) -> heard.add(logprob));

    check(generation, 6, temperature);
    assertThat(generation.constrained()).isTrue();
    assertThat(heard).hasSize(6);
    for (int i = 0; i < 6; i++) assertThat(heard.get(i)).isEqualTo(generation.logprobs().get(i));
    for (TopLogprobs top : generation.tops()) {
      assertThat(top.ids().size()).isEqualTo(2);
      // The mask of the fake forbids the most probable one.
      assertThat(top.rank()).isEqualTo(2);
    }
    int first = PROMPT.last();
    double[] right = FakeModel.logprobs(first, PROMPT.size(), 0, temperature);
    assertThat((double) generation.tops().getFirst().logprobs().get(0))
        .isCloseTo(right[FakeModel.best(right)], CLOSE);
  }

  @ParameterizedTest
  @CsvSource({"POLICY,0.7", "RAW,1", "SAMPLED,0.7"})
  void eachModeIsRecordedWhenTruncationChangesWhatIsDrawn(LogprobMode mode, double temperature)
      throws Exception {
    FakeEngine engine = fleet.vllm();
    UpstreamPolicy policy = fleet.policy(engine);
    Sampling truncated =
        new Sampling(TEMPERATURE, 0, 0.5, 0, OptionalLong.empty()).withLogprobMode(mode);

    Generation generation = policy.generate(request(4, truncated));

    if (mode != LogprobMode.SAMPLED) check(generation, 4, temperature);
    else assertThat(engine.asked.toString()).doesNotContain("prompt_logprobs");
  }

  @Test
  void whereNobodyReadsThemNothingIsAskedApart() throws Exception {
    FakeEngine engine = fleet.vllm();
    UpstreamPolicy policy = fleet.policy(engine);
    Sampling truncated = new Sampling(TEMPERATURE, 0, 0.5, 0, OptionalLong.empty());
    int before = engine.asked.size();

    policy.generate(request(4, truncated).with(GenerationOptions.NONE.withLogprobs(false)));

    assertThat(engine.asked).hasSize(before + 1);
  }

  @Test
  void tokensThatCannotBeScoredAreGeneratedAgainElsewhere() throws Exception {
    FakeEngine first = fleet.vllm();
    FakeEngine second = fleet.vllm();
    first.scoring = 500;
    UpstreamPolicy policy = fleet.policy(first, second);
    List<Integer> heard = new ArrayList<>();

    for (int i = 0; i < 3; i++) {
      heard.clear();
      Generation generation =
          policy.generate(
              request(4, sampling(1)).withConstraint(OBJECT),
              (id, logprob, version) -> heard.add(id));
      check(generation, 4, 1);
      assertThat(heard).isEqualTo(Arrays.stream(generation.ids().toArray()).boxed().toList());
    }
  }

  @ParameterizedTest
  @CsvSource({"VLLM,false", "VLLM,true", "SGLANG,false"})
  void whatOtherWeightsScoreIsNotRecorded(Kind kind, boolean completions) throws Exception {
    FakeEngine first = engine(kind, completions);
    FakeEngine second = engine(kind, completions);
    first.beforeScoring =
        () -> {
          first.version = 1;
          first.label = "base/1/" + "ab".repeat(32);
        };
    UpstreamPolicy policy = fleet.policy(WeightsBy.DISK, Duration.ofMinutes(1), first, second);

    for (int i = 0; i < 3; i++)
      check(policy.generate(request(4, sampling(1)).withConstraint(OBJECT)), 4, 1);

    assertThat(status(policy, first).why().orElse("")).contains("one after the other");
  }

  @Test
  void aTurnThatNobodyHasHeardBeginsAgainWhereItCannotGoOn() throws Exception {
    FakeEngine engine = fleet.vllm();
    UpstreamPolicy policy = fleet.policy(engine);
    engine.breakAfter = 3;

    check(policy.generate(request(6, sampling(1)).withConstraint(OBJECT)), 6, 1);

    assertThat(engine.breakAfter).isEqualTo(Integer.MAX_VALUE);
  }

  @Test
  void oneFailureEndsTheScoringOfATurn() throws Exception {
    FakeEngine first = fleet.vllm();
    FakeEngine second = fleet.vllm();
    first.afterScoring = () -> first.fault = Fault.HTML;
    UpstreamPolicy policy = fleet.policy(WeightsBy.DISK, Duration.ofMinutes(1), first, second);
    int before = first.asked.size();

    for (int i = 0; i < 3; i++)
      check(policy.generate(request(40, sampling(0.7)).withConstraint(OBJECT)), 40, 0.7);

    // The turn, its text, and a position for each of those that ask.
    assertThat(first.asked.size() - before).isBetween(3, 2 + 8);
  }

  @Test
  void anImpossibleTokenIsNotRecorded() throws Exception {
    FakeEngine first = fleet.vllm();
    FakeEngine second = fleet.vllm();
    first.impossible = true;
    UpstreamPolicy policy = fleet.policy(WeightsBy.DISK, Duration.ofMinutes(1), first, second);

    for (int i = 0; i < 3; i++)
      check(policy.generate(request(4, sampling(1)).withConstraint(OBJECT)), 4, 1);

    assertThat(status(policy, first).why().orElse("")).contains("scores it -9999");
  }

  @Test
  void aPromptThatNoEngineScoresIsTheClientsToChange() throws Exception {
    FakeEngine engine = fleet.vllm();
    UpstreamPolicy policy = fleet.policy(engine);
    engine.scoring = 400;
    int before = engine.asked.size();

    assertThatThrownBy(() -> policy.generate(onlyScored()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("asked for log-probabilities it answers 400");

    assertThat(engine.asked).hasSize(before + 2);
  }

  @Test
  void anUpdateThatCutsATurnLeavesItTheScoresOfWhatItHas() throws Exception {
    FakeEngine engine = fleet.vllm();
    UpstreamPolicy policy = fleet.policy(engine);
    engine.hangAfter = 3;
    Sampling truncated = new Sampling(TEMPERATURE, 0, 0.5, 0, OptionalLong.empty());
    FutureTask<Generation> turn = start(policy, request(8, truncated));
    engine.hanging.await();
    engine.hangAfter = Integer.MAX_VALUE;

    policy.apply(update(1, Pause.KEEP));

    Generation generation = turn.get();
    check(generation, 8);
    assertThat(generation.versions().values()).endsWith(1);
  }

  @ParameterizedTest
  @CsvSource({"VLLM,false", "VLLM,true", "SGLANG,false"})
  void aPromptIsScoredAndNeedNotBeGoneOnFrom(Kind kind, boolean completions) throws Exception {
    UpstreamPolicy policy = fleet.policy(engine(kind, completions));
    int next = FakeModel.candidates(PROMPT.last(), PROMPT.size(), 0).get(2);
    Tokens prompt = PROMPT.plus(Tokens.of(next));
    Request scored =
        new Request(prompt, sampling(1), 1, Set.of(), Duration.ofSeconds(20))
            .withScores(new Scores(0, OptionalInt.of(2)));

    PromptLogprobs scores = policy.generate(scored).prompt().orElseThrow();

    double[] right = FakeModel.logprobs(PROMPT.last(), PROMPT.size(), 0, 1);
    assertThat(scores.logprobs().size()).isEqualTo(5);
    assertThat(scores.logprobs().get(0)).isZero();
    assertThat((double) scores.logprobs().get(1)).isCloseTo(-99, CLOSE);
    assertThat((double) scores.logprobs().get(4)).isCloseTo(right[2], CLOSE);
    assertThat(scores.tops().getFirst()).isEqualTo(TopLogprobs.NONE);
    assertThat((double) scores.tops().get(4).logprobs().get(0))
        .isCloseTo(right[FakeModel.best(right)], CLOSE);
  }

  private static Request onlyScored() {
    return new Request(
        PROMPT,
        sampling(1),
        0,
        Set.of(),
        Duration.ofSeconds(20),
        GenerationOptions.NONE.withScores(new Scores(0, OptionalInt.of(0))));
  }

  @Test
  void aPromptThatIsOnlyScoredGeneratesNothing() throws Exception {
    UpstreamPolicy policy = fleet.policy(fleet.vllm());

    Generation generation = policy.generate(onlyScored());

    assertThat(generation.ids()).isEqualTo(Tokens.NONE);
    assertThat(generation.finish()).isEqualTo(FinishReason.LENGTH);
    assertThat(generation.prompt().orElseThrow().logprobs().size()).isEqualTo(PROMPT.size());
    assertThatThrownBy(() -> policy.check(request(1).withScores(new Scores(0, OptionalInt.of(0)))))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("temperature 1")
        .hasMessageContaining("0.7");
  }

  @ParameterizedTest
  @CsvSource({"VLLM,false", "VLLM,true", "SGLANG,false"})
  void namedIdsAreToldBesideEachToken(Kind kind, boolean completions) throws Exception {
    UpstreamPolicy policy = fleet.policy(engine(kind, completions));
    List<Integer> could = FakeModel.candidates(PROMPT.last(), PROMPT.size(), 0);
    Tokens named = Tokens.of(could.get(3), could.get(1));

    Generation generation = policy.generate(request(2).withScores(Scores.SAMPLED.withNamed(named)));

    check(generation, 2);
    TopLogprobs top = generation.tops().getFirst();
    double[] right = FakeModel.logprobs(PROMPT.last(), PROMPT.size(), 0, TEMPERATURE);
    assertThat(top.ids()).isEqualTo(named);
    assertThat((double) top.logprobs().get(0)).isCloseTo(right[3], CLOSE);
    assertThat((double) top.logprobs().get(1)).isCloseTo(right[1], CLOSE);
    assertThat(top.rank()).isEqualTo(1);
    assertThatThrownBy(() ->
            policy.check(
                request(2).withScores(Scores.SAMPLED.withNamed(named)).withConstraint(OBJECT)))
        .hasMessageContaining("logprob_mode sampled");
  }

  private static Request without(Set<Tokens> words) {
    return request(3, sampling(TEMPERATURE).withBadWords(words));
  }

  @Test
  void badWordsAreTextsForVllmAndABiasForSglang() throws Exception {
    FakeEngine vllm = fleet.vllm();
    FakeEngine sglang = fleet.engine(Kind.SGLANG);
    Tokens single = FakeModel.encode("x");
    Tokens several = FakeModel.encode("ab");
    UpstreamPolicy texts = fleet.policy(vllm);
    UpstreamPolicy bias = fleet.policy(sglang);

    check(texts.generate(without(Set.of(single, several))), 3);
    check(bias.generate(without(Set.of(single))), 3);

    assertThat(vllm.asked.toString()).containsAnyOf("[\"x\",\"ab\"]", "[\"ab\",\"x\"]");
    assertThat(sglang.asked.toString()).contains("{\"120\":-1.0E9}");
    assertThatThrownBy(() -> bias.check(without(Set.of(several))))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("SGLang engines forbid single ids only")
        .hasMessageContaining("97, 98");
    assertThatThrownBy(() -> texts.check(without(Set.of(Tokens.of(0xff)))))
        .hasMessageContaining("bad_words as texts");
    assertThatThrownBy(() -> texts.check(without(Set.of(Tokens.of(FakeModel.VOCABULARY)))))
        .hasMessageContaining("is not in [0, 300)");
  }

  @ParameterizedTest
  @EnumSource(Kind.class)
  void aConstraintIsPassedOnInTheEnginesOwnField(Kind kind) throws Exception {
    FakeEngine engine = fleet.engine(kind);
    UpstreamPolicy policy = fleet.policy(engine);
    Request plain = request(4, sampling(TEMPERATURE).withLogprobMode(LogprobMode.SAMPLED));
    Constraint either =
        new Constraint.OneOf(List.of(new Constraint.Literal("a.b"), new Constraint.Literal("c")));
    Constraint call =
        new Constraint.Concat(
            List.of(
                new Constraint.Tag("<call>"),
                OBJECT,
                new Constraint.Repeat(new Constraint.Literal(";"), 0, 3),
                new Constraint.Until("end")));
    Map<Constraint, String> written =
        Map.of(
            OBJECT,
            "\"%s\":\"{\\\"type\\\":\\\"object\\\"}\""
                .formatted(kind == Kind.VLLM ? "json" : "json_schema"),
            either,
            "\"regex\":\"(a\\\\.b|c)\"",
            call,
            "\"structural_tag\":\"{\\\"type\\\":\\\"structural_tag\\\"");

    for (var one : written.entrySet()) {
      assertThat(policy.generate(plain.withConstraint(one.getKey())).constrained()).isTrue();
      assertThat(engine.asked.getLast().toString()).contains(one.getValue());
    }
  }
}
