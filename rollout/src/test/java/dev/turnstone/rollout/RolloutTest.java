package dev.turnstone.rollout;

import static dev.turnstone.rollout.ScriptedEnvironment.echoing;
import static dev.turnstone.rollout.ScriptedEnvironment.failing;
import static dev.turnstone.rollout.ScriptedPolicy.cut;
import static dev.turnstone.rollout.ScriptedPolicy.generation;
import static dev.turnstone.rollout.ScriptedPolicy.saying;
import static dev.turnstone.rollout.ScriptedPolicy.stopped;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.entry;

import dev.turnstone.rollout.Environment.EnvironmentLost;
import dev.turnstone.rollout.Generation.FinishReason;
import dev.turnstone.rollout.Policy.PolicyException;
import java.time.Duration;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class RolloutTest {
  private static final RolloutLimits LIMITS =
      new RolloutLimits(4, 200, 400, 2000, Duration.ofSeconds(60), 3);
  private static final Task TASK =
      new Task("t", List.of(new Message.User("say hi")), "echo", Json.EMPTY_OBJECT);
  private static final String CALL = "CALL echo {\"x\":1}";

  private final FakeClock clock = new FakeClock();
  private final ByteChatFormat format = new ByteChatFormat();

  @Test
  void anAnswerEndsTheRolloutAndIsScored() {
    ScriptedEnvironment environment = echoing();

    Trajectory trajectory = run(saying("hi"), environment);

    assertThat(trajectory.stop()).isEqualTo(StopReason.ANSWER);
    assertThat(trajectory.reward()).contains(Reward.of(1));
    assertThat(trajectory.transcript())
        .containsExactly(new Message.User("say hi"), new Message.Assistant("hi", List.of()));
    assertThat(environment.scored()).containsExactly(trajectory.transcript());
    assertThat(environment.everySessionIsClosed()).isTrue();
  }

  @Test
  void aToolCallIsRunAndItsResultIsReadInTheNextTurn() {
    ScriptedEnvironment environment = echoing();
    ScriptedPolicy policy = saying("so: " + CALL, "one");

    Trajectory trajectory = run(policy, environment);

    ToolCall call = new ToolCall("call-0-0", "echo", new Json("{\"x\":1}"));
    assertThat(environment.steps()).containsExactly(List.of(call));
    assertThat(trajectory.transcript())
        .containsExactly(
            new Message.User("say hi"),
            new Message.Assistant("so: ", List.of(call)),
            new Message.Tool("call-0-0", "echo", "{\"x\":1}"),
            new Message.Assistant("one", List.of()));
    assertThat(format.text(policy.requests().get(1).prompt())).contains("tool\n{\"x\":1}");
    assertThat(trajectory.stats().turns()).isEqualTo(2);
    assertThat(trajectory.stats().toolCalls()).isEqualTo(1);
  }

  @Test
  void thePromptOnlyEverGrows() {
    ScriptedPolicy policy = saying(CALL, CALL, "done");

    Trajectory trajectory = run(policy, echoing());

    List<Policy.Request> requests = policy.requests();
    Tokens all = trajectory.rows().getFirst().ids();
    for (int turn = 1; turn < requests.size(); turn++) {
      Tokens before = requests.get(turn - 1).prompt();
      Tokens sampled = ByteChatFormat.ids(CALL).plus(Tokens.of(ByteChatFormat.END));
      assertThat(requests.get(turn).prompt().startsWith(before.plus(sampled))).isTrue();
      assertThat(all.startsWith(requests.get(turn).prompt())).isTrue();
    }
  }

  @Test
  void onlySampledTokensAreMaskedInWithTheirLogprobTurnAndVersion() {
    ScriptedPolicy policy =
        new ScriptedPolicy((turn, _) -> stopped(turn == 0 ? CALL : "ok", 7 + turn));

    Row row = run(policy, echoing()).rows().getFirst();

    int prompt = policy.requests().get(0).prompt().size();
    int first = CALL.length() + 1;
    int second = policy.requests().get(1).prompt().size();
    assertThat(row.promptLength()).isEqualTo(prompt);
    assertThat(row.mask().stream())
        .containsExactlyElementsOf(
            IntStream.concat(
                    IntStream.range(prompt, prompt + first), IntStream.range(second, second + 3))
                .boxed()
                .toList());
    assertThat(row.versions())
        .isEqualTo(
            new RunLength.Builder<Integer>()
                .add(prompt, -1)
                .add(first, 7)
                .add(second - prompt - first, -1)
                .add(3, 8)
                .build());
    assertThat(row.turns().values()).containsExactly(-1, 0, -1, 1);
    assertThat(row.turns().starts()).isEqualTo(row.versions().starts());
    assertThat(row.temperatures().values()).containsExactly(0f, 1f, 0f, 1f);
    for (int i = 0; i < row.length(); i++)
      assertThat(row.logprobs().get(i)).isEqualTo(row.mask().get(i) ? ScriptedPolicy.LOGPROB : 0f);
    assertThat(row.lineage()).isEqualTo("test");
    assertThat(row.oldestVersion()).contains(7);
    assertThat(row.newestVersion()).contains(8);
    assertThat(Invariants.violation(row)).isEmpty();
  }

  @Test
  void anUpdateInTheMiddleOfATurnSplitsItsVersions() {
    ScriptedPolicy policy =
        new ScriptedPolicy((_, _) ->
            new Generation(
                Tokens.of('h', 'i', ByteChatFormat.END),
                Logprobs.of(-1, -2, -3),
                new RunLength.Builder<Integer>().add(1, 4).add(2, 5).build(),
                "test",
                FinishReason.STOP,
                0,
                true));

    Row row = run(policy, echoing()).rows().getFirst();

    assertThat(row.versions().values()).containsExactly(-1, 4, 5);
    assertThat(row.flags()).containsExactly(Row.MIXED_KV);
  }

  @Test
  void aMissingEndOfTurnIsInsertedWithMaskZero() {
    ScriptedPolicy policy =
        new ScriptedPolicy((turn, _) ->
            turn == 0
                ? generation(ByteChatFormat.ids(CALL), 0, FinishReason.STOP)
                : stopped("ok", 0));

    Row row = run(policy, echoing()).rows().getFirst();

    int end = row.promptLength() + CALL.length();
    assertThat(row.ids().get(end)).isEqualTo(ByteChatFormat.END);
    assertThat(row.mask().get(end)).isFalse();
    assertThat(row.mask().get(end - 1)).isTrue();
  }

  @Test
  void aMalformedCallIsShownToThePolicyWhichMayTryAgain() {
    ScriptedPolicy policy = saying("CALL echo", CALL, "ok");

    Trajectory trajectory = run(policy, echoing());

    assertThat(trajectory.stop()).isEqualTo(StopReason.ANSWER);
    assertThat(format.text(policy.requests().get(1).prompt()))
        .contains("Error: unreadable tool call: no arguments in 'CALL echo'");
    assertThat(trajectory.stats().toolCalls()).isEqualTo(1);
  }

  @Test
  void aToolErrorIsShownToThePolicy() {
    ScriptedPolicy policy = saying(CALL, "sorry");

    Trajectory trajectory = run(policy, failing());

    assertThat(trajectory.stop()).isEqualTo(StopReason.ANSWER);
    assertThat(format.text(policy.requests().get(1).prompt())).contains("Error: no");
    assertThat(trajectory.stats().toolCalls()).isEqualTo(1);
  }

  @Test
  void errorsInARowEndTheRolloutWithTheLastOnesReason() {
    assertThat(run(saying(CALL, "CALL x", CALL), failing()))
        .satisfies(t -> assertThat(t.stop()).isEqualTo(StopReason.TOOL_ERROR))
        .satisfies(t -> assertThat(t.detail()).isEqualTo("3 errors in a row"));
    assertThat(run(saying(CALL, CALL, "CALL x"), failing()).stop())
        .isEqualTo(StopReason.PARSE_ERROR);
  }

  @Test
  void theLastErrorIsInTheTranscript() {
    assertThat(run(saying(CALL, CALL, CALL), failing()).transcript().getLast())
        .isEqualTo(new Message.Tool("call-2-0", "echo", "Error: no"));
  }

  @Test
  void aGoodCallBetweenErrorsStartsTheCountAgain() {
    ScriptedPolicy policy = saying("CALL x", "CALL x", CALL, "CALL x");

    assertThat(run(policy, echoing()).stop()).isEqualTo(StopReason.MAX_TURNS);
  }

  @Test
  void oneGoodCallAmongSeveralIsNoError() {
    ScriptedEnvironment environment =
        new ScriptedEnvironment(
            calls ->
                new Observation(
                    List.of(
                        new Observation.Result.Ok(calls.get(0), "fine"),
                        new Observation.Result.Failed(calls.get(1), "Error: no")),
                    false),
            _ -> Optional.empty());
    String calls = CALL + "\n" + CALL;

    Trajectory trajectory = run(saying(calls, calls, calls, "end"), environment);

    assertThat(trajectory.stop()).isEqualTo(StopReason.ANSWER);
    assertThat(trajectory.stats().toolCalls()).isEqualTo(6);
  }

  @Test
  void theEnvironmentMayEndTheEpisode() {
    ScriptedEnvironment environment =
        new ScriptedEnvironment(
            calls -> new Observation(ScriptedEnvironment.echo(calls).results(), true),
            _ -> Optional.of(Reward.of(0.5)));

    Trajectory trajectory = run(saying(CALL), environment);

    assertThat(trajectory.stop()).isEqualTo(StopReason.DONE);
    assertThat(trajectory.reward()).contains(Reward.of(0.5));
    assertThat(trajectory.transcript().getLast()).isInstanceOf(Message.Tool.class);
    assertThat(trajectory.rows().getFirst().ids().last()).isEqualTo(ByteChatFormat.END);
  }

  @Test
  void anEnvironmentMayConverseInsteadOfOfferingTools() {
    Iterator<Observation> says =
        List.of(
                new Observation(List.of(), Optional.of("warmer"), false, Optional.of(0.25)),
                new Observation(List.of(), Optional.of("found"), true, Optional.of(1.0)))
            .iterator();
    ScriptedEnvironment environment = echoing().conversing("find it", _ -> says.next());

    Trajectory trajectory = run(saying("here", "there"), environment);

    assertThat(trajectory.stop()).isEqualTo(StopReason.DONE);
    assertThat(trajectory.transcript().stream().map(Message::content))
        .endsWith("find it", "here", "warmer", "there", "found");
    assertThat(trajectory.reward().orElseThrow().turns())
        .containsExactly(entry(0, 0.25), entry(1, 1.0));
    assertThat(Invariants.violation(trajectory)).isEmpty();
  }

  @Test
  void turnsThatTheEnvironmentGaveNothingForHaveNoReward() {
    AtomicInteger step = new AtomicInteger();
    ScriptedEnvironment environment =
        new ScriptedEnvironment(
            calls ->
                new Observation(
                    ScriptedEnvironment.echo(calls).results(),
                    Optional.empty(),
                    false,
                    step.incrementAndGet() == 2 ? Optional.of(0.5) : Optional.empty()),
            _ -> Optional.of(Reward.of(1)));

    Trajectory trajectory = run(saying(CALL, "CALL", CALL, "end"), environment);

    assertThat(trajectory.reward().orElseThrow().turns()).hasSize(1).containsValue(0.5);
  }

  @Test
  void anEnvironmentThatCannotScoreLeavesTheRewardEmpty() {
    ScriptedEnvironment environment =
        new ScriptedEnvironment(ScriptedEnvironment::echo, _ -> Optional.empty());

    assertThat(run(saying("hi"), environment).reward()).isEmpty();
  }

  @Test
  void theRolloutStopsAtMaxTurns() {
    Trajectory trajectory = run(saying(CALL, CALL, CALL, CALL), echoing());

    assertThat(trajectory.stop()).isEqualTo(StopReason.MAX_TURNS);
    assertThat(trajectory.stats().turns()).isEqualTo(4);
    assertThat(trajectory.reward()).contains(Reward.of(1));
  }

  @Test
  void aTurnMayUseWhatIsLeftOfEveryBudget() {
    ScriptedPolicy policy = saying(CALL, CALL, "ok");
    RolloutLimits limits = new RolloutLimits(4, 30, 40, 2000, Duration.ofSeconds(60), 3);

    run(policy, echoing(), limits, Sampling.FULL);

    assertThat(policy.requests().stream().map(Policy.Request::maxTokens))
        .containsExactly(30, 40 - (CALL.length() + 1), 40 - 2 * (CALL.length() + 1));
  }

  @Test
  void aTurnCutAtItsOwnBoundIsMaxTokens() {
    Trajectory trajectory = run(new ScriptedPolicy((_, _) -> cut("blah")), echoing());

    assertThat(trajectory.stop()).isEqualTo(StopReason.MAX_TOKENS);
    assertThat(trajectory.transcript().getLast())
        .isEqualTo(new Message.Assistant("blah", List.of()));
    assertThat(trajectory.reward()).contains(Reward.of(1));
  }

  @Test
  void aTurnCutAtTheContextsEndIsContextOverflow() {
    ScriptedPolicy policy =
        new ScriptedPolicy((_, request) -> cut("x".repeat(request.maxTokens())));
    RolloutLimits limits = new RolloutLimits(4, 200, 400, 50, Duration.ofSeconds(60), 3);

    assertThat(run(policy, echoing(), limits, Sampling.FULL).stop())
        .isEqualTo(StopReason.CONTEXT_OVERFLOW);
  }

  @Test
  void aPromptThatFillsTheContextIsNeverSent() {
    ScriptedPolicy policy = saying();
    RolloutLimits limits = new RolloutLimits(4, 200, 400, 10, Duration.ofSeconds(60), 3);

    Trajectory trajectory = run(policy, echoing(), limits, Sampling.FULL);

    assertThat(trajectory.stop()).isEqualTo(StopReason.CONTEXT_OVERFLOW);
    assertThat(policy.requests()).isEmpty();
    assertThat(trajectory.rows().getFirst().trainable()).isZero();
    assertThat(Invariants.violation(trajectory)).isEmpty();
  }

  @Test
  void thePolicysContextBoundsTheRunsLimit() {
    ScriptedPolicy policy =
        new ScriptedPolicy((_, request) -> cut("x".repeat(request.maxTokens())));
    RolloutLimits limits = new RolloutLimits(4, 9999, 9999, 9999, Duration.ofSeconds(60), 3);

    Trajectory trajectory = run(policy, echoing(), limits, Sampling.FULL);

    assertThat(trajectory.stop()).isEqualTo(StopReason.CONTEXT_OVERFLOW);
    assertThat(trajectory.rows().getFirst().length()).isEqualTo(policy.contextLength());
  }

  @Test
  void wallTimeThatRunsOutInAToolEndsTheRollout() {
    ScriptedEnvironment environment =
        new ScriptedEnvironment(
            calls -> {
              clock.advance(Duration.ofSeconds(61));
              return ScriptedEnvironment.echo(calls);
            },
            _ -> Optional.of(Reward.of(1)));

    Trajectory trajectory = run(saying(CALL), environment);

    assertThat(trajectory.stop()).isEqualTo(StopReason.TIMEOUT);
    assertThat(trajectory.stats().wallTime()).isEqualTo(Duration.ofSeconds(61));
  }

  @Test
  void aGenerationGetsTheWallTimeThatIsLeftAndItsAbortThenIsATimeout() {
    ScriptedPolicy policy =
        new ScriptedPolicy((turn, request) -> {
          if (turn == 0) {
            clock.advance(Duration.ofSeconds(20));
            return stopped(CALL, 0);
          }
          clock.advance(request.timeout());
          return generation(ByteChatFormat.ids("hm"), 0, FinishReason.ABORT);
        });

    Trajectory trajectory = run(policy, echoing());

    assertThat(policy.requests().stream().map(Policy.Request::timeout))
        .containsExactly(Duration.ofSeconds(60), Duration.ofSeconds(40));
    assertThat(trajectory.stop()).isEqualTo(StopReason.TIMEOUT);
    assertThat(trajectory.transcript().getLast().content()).isEqualTo("hm");
  }

  @Test
  void anAbortBeforeTheWallTimeIsACancellationAndIsNotScored() {
    ScriptedEnvironment environment = echoing();
    ScriptedPolicy policy =
        new ScriptedPolicy((_, _) -> generation(Tokens.NONE, 0, FinishReason.ABORT));

    Trajectory trajectory = run(policy, environment);

    assertThat(trajectory.stop()).isEqualTo(StopReason.CANCELLED);
    assertThat(trajectory.reward()).isEmpty();
    assertThat(environment.scored()).isEmpty();
  }

  @Test
  void aBrokenEnvironmentIsEnvironmentLostAndNeverRewardZero() {
    ScriptedEnvironment broken =
        new ScriptedEnvironment(
            _ -> {
              throw new EnvironmentLost("sandbox gone");
            },
            _ -> Optional.of(Reward.of(0)));

    Trajectory trajectory = run(saying(CALL), broken);

    assertThat(trajectory.stop()).isEqualTo(StopReason.ENVIRONMENT_LOST);
    assertThat(trajectory.detail()).isEqualTo("sandbox gone");
    assertThat(trajectory.reward()).isEmpty();
    assertThat(trajectory.rows().getFirst().trainable()).isEqualTo(CALL.length() + 1);
    assertThat(broken.everySessionIsClosed()).isTrue();
  }

  @Test
  void aRewardThatCannotBeComputedIsEnvironmentLost() {
    ScriptedEnvironment broken =
        new ScriptedEnvironment(
            ScriptedEnvironment::echo,
            _ -> {
              throw new EnvironmentLost("judge gone");
            });

    Trajectory trajectory = run(saying("hi"), broken);

    assertThat(trajectory.stop()).isEqualTo(StopReason.ENVIRONMENT_LOST);
    assertThat(trajectory.reward()).isEmpty();
  }

  @Test
  void anEnvironmentThatDoesNotOpenLeavesATrajectoryWithoutRows() {
    Environment closed =
        (_, _, _) -> {
          throw new EnvironmentLost("no room");
        };

    Trajectory trajectory = run(saying(), closed, LIMITS, Sampling.FULL);

    assertThat(trajectory.stop()).isEqualTo(StopReason.ENVIRONMENT_LOST);
    assertThat(trajectory.rows()).isEmpty();
    assertThat(Invariants.violation(trajectory)).isEmpty();
  }

  @Test
  void aFailedPolicyIsAnEngineError() {
    ScriptedPolicy policy =
        new ScriptedPolicy((_, _) -> {
          throw new PolicyException("out of memory");
        });

    Trajectory trajectory = run(policy, echoing());

    assertThat(trajectory.stop()).isEqualTo(StopReason.ENGINE_ERROR);
    assertThat(trajectory.detail()).isEqualTo("out of memory");
  }

  @Test
  void aLogprobThatIsNotFiniteIsAnEngineErrorAndItsTurnIsNotRecorded() {
    ScriptedPolicy policy =
        new ScriptedPolicy((_, _) ->
            new Generation(
                Tokens.of('h', 'i'),
                Logprobs.of(-1, Float.NaN),
                RunLength.of(2, 0),
                "test",
                FinishReason.STOP,
                0,
                false));

    Trajectory trajectory = run(policy, echoing());

    assertThat(trajectory.stop()).isEqualTo(StopReason.ENGINE_ERROR);
    assertThat(trajectory.detail()).isEqualTo("logprob NaN of the sampled id 105");
    assertThat(trajectory.rows().getFirst().trainable()).isZero();
  }

  @Test
  void aDefectIsRecordedAndDoesNotReachTheSiblings() {
    ScriptedPolicy policy =
        new ScriptedPolicy((_, _) -> {
          throw new IllegalStateException("bug");
        });
    ScriptedEnvironment environment = echoing();

    Trajectory trajectory = run(policy, environment);

    assertThat(trajectory.stop()).isEqualTo(StopReason.ENGINE_ERROR);
    assertThat(trajectory.detail()).contains("defect").contains("bug");
    assertThat(environment.everySessionIsClosed()).isTrue();
  }

  @Test
  void anInterruptCancelsTheRolloutAndClosesItsSession() {
    ScriptedPolicy policy =
        new ScriptedPolicy((_, _) -> {
          throw new InterruptedException();
        });
    ScriptedEnvironment environment = echoing();

    Trajectory trajectory = run(policy, environment);

    assertThat(trajectory.stop()).isEqualTo(StopReason.CANCELLED);
    assertThat(trajectory.reward()).isEmpty();
    assertThat(environment.everySessionIsClosed()).isTrue();
  }

  @Test
  void aCertainTokensRoundingAboveZeroIsRemoved() {
    ScriptedPolicy policy =
        new ScriptedPolicy((_, _) ->
            new Generation(
                Tokens.of(ByteChatFormat.END),
                Logprobs.of(5e-6f),
                RunLength.of(1, 0),
                "test",
                FinishReason.STOP,
                0,
                false));

    Row row = run(policy, echoing()).rows().getFirst();

    assertThat(row.logprobs().get(row.length() - 1)).isZero();
    assertThat(Invariants.violation(row)).isEmpty();
  }

  @Test
  void greedyTokensAreRecordedButNotTrained() {
    Row row = run(saying("hi"), echoing(), LIMITS, Sampling.GREEDY).rows().getFirst();

    assertThat(row.trainable()).isZero();
    assertThat(row.newestVersion()).contains(0);
    assertThat(row.flags()).containsExactly(Row.GREEDY);
  }

  @Test
  void aTruncatedDistributionIsOnTheRow() {
    Sampling topK = new Sampling(1, 5, 1, 0, OptionalLong.empty());

    assertThat(run(saying("hi"), echoing(), LIMITS, topK).rows().getFirst().sampler())
        .contains(topK);
    assertThat(run(saying("hi"), echoing()).rows().getFirst().sampler()).isEmpty();
  }

  @Test
  void aSeededRunDrawsOtherNumbersInEveryRolloutAndTurnButTheSameAgain() {
    List<OptionalLong> first = seeds(new RolloutId("run", "g", 0, 0));
    List<OptionalLong> sibling = seeds(new RolloutId("run", "g", 1, 0));

    assertThat(first).doesNotHaveDuplicates().doesNotContainAnyElementsOf(sibling);
    assertThat(seeds(new RolloutId("run", "g", 0, 0))).isEqualTo(first);
  }

  private List<OptionalLong> seeds(RolloutId id) {
    ScriptedPolicy policy = saying(CALL, CALL, "ok");
    rollout(id, policy, echoing(), LIMITS, Sampling.FULL.withSeed(3)).run();
    return policy.requests().stream().map(request -> request.sampling().seed()).toList();
  }

  @Test
  void aTemplateThatRewritesHistoryIsFlaggedOnceThereIsHistory() {
    var rewriting = new RewritingChatFormat();
    Rollout.Agent[] agents = {
      new Rollout.Agent(saying("hi"), rewriting, new LineToolCallParser()),
      new Rollout.Agent(saying(CALL, "hi"), rewriting, new LineToolCallParser())
    };
    List<List<String>> flags =
        Stream.of(agents)
            .map(agent ->
                new Rollout(
                        new RolloutId("run", "g", 0, 0),
                        TASK,
                        echoing(),
                        agent,
                        Sampling.FULL,
                        LIMITS,
                        clock)
                    .run())
            .map(trajectory -> trajectory.rows().getFirst().flags())
            .toList();
    assertThat(flags).containsExactly(List.of(), List.of(Row.TEMPLATE_DIVERGED));
  }

  private Trajectory run(ScriptedPolicy policy, ScriptedEnvironment environment) {
    return run(policy, environment, LIMITS, Sampling.FULL);
  }

  private Trajectory run(
      ScriptedPolicy policy, Environment environment, RolloutLimits limits, Sampling sampling) {
    return rollout(new RolloutId("run", "g", 0, 0), policy, environment, limits, sampling).run();
  }

  private Rollout rollout(
      RolloutId id,
      ScriptedPolicy policy,
      Environment environment,
      RolloutLimits limits,
      Sampling sampling) {
    Rollout.Agent agent = new Rollout.Agent(policy, format, new LineToolCallParser());
    return new Rollout(id, TASK, environment, agent, sampling, limits, clock);
  }
}
