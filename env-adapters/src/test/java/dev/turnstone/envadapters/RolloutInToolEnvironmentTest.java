package dev.turnstone.envadapters;

import static com.github.tomakehurst.wiremock.client.WireMock.okJson;
import static com.github.tomakehurst.wiremock.client.WireMock.post;
import static com.github.tomakehurst.wiremock.client.WireMock.status;
import static org.assertj.core.api.Assertions.assertThat;

import dev.turnstone.envadapters.peer.JsonText;
import dev.turnstone.rollout.ChatFormat;
import dev.turnstone.rollout.Generation;
import dev.turnstone.rollout.Json;
import dev.turnstone.rollout.Logprobs;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.Policy;
import dev.turnstone.rollout.Reward;
import dev.turnstone.rollout.Rollout;
import dev.turnstone.rollout.RolloutId;
import dev.turnstone.rollout.RolloutLimits;
import dev.turnstone.rollout.RunLength;
import dev.turnstone.rollout.Sampling;
import dev.turnstone.rollout.StopReason;
import dev.turnstone.rollout.Tokens;
import dev.turnstone.rollout.ToolCall;
import dev.turnstone.rollout.ToolCallParser;
import dev.turnstone.rollout.ToolSpec;
import dev.turnstone.rollout.Trajectory;
import dev.turnstone.rollout.WeightsId;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The agent loop with a scripted policy against tools and a verifier over HTTP.
final class RolloutInToolEnvironmentTest {
  private static final String TOOL =
      "{'kind':'sandbox','name':'python','description':'d','url':'URL'}";

  private final Peerage peer = new Peerage();

  @AfterEach
  void close() {
    peer.close();
  }

  @Test
  void aToolErrorIsShownToThePolicyWhichMayStillBeRight() throws Exception {
    sandbox(
        """
        {"status":"Failed","run_result":{"status":"Finished","return_code":1,"stdout":"",
         "stderr":"NameError: x"}}
        """);

    Trajectory trajectory = play("{'kind':'numeric'}", "call print(x)", "it is 4");
    assertThat(trajectory.stop()).isEqualTo(StopReason.ANSWER);
    assertThat(trajectory.reward()).map(Reward::value).hasValue(1.0);
    assertThat(trajectory.transcript())
        .contains(new Message.Tool("c", "python", "NameError: x\n[exit code 1]"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"504", "SandboxError"})
  void aBrokenSandboxEndsTheRolloutWithoutAReward(String failure) throws Exception {
    if (failure.equals("504")) peer.http.stubFor(post("/run_code").willReturn(status(504)));
    else sandbox("{\"status\":\"SandboxError\",\"message\":\"no jail\"}");

    Trajectory trajectory = play("{'kind':'numeric'}", "call print(x)", "it is 4");
    assertThat(trajectory.stop()).isEqualTo(StopReason.ENVIRONMENT_LOST);
    assertThat(trajectory.reward()).isEmpty();
    assertThat(trajectory.detail()).startsWith(peer.http.baseUrl()).doesNotContain("\n");
  }

  @Test
  void aBrokenVerifierEndsTheRolloutWithoutAReward() throws Exception {
    peer.http.stubFor(post("/score").willReturn(status(500)));

    Trajectory trajectory = play("{'kind':'numeric'},{'kind':'http','url':'URL/score'}", "it is 4");
    assertThat(trajectory.stop()).isEqualTo(StopReason.ENVIRONMENT_LOST);
    assertThat(trajectory.reward()).isEmpty();
  }

  private Trajectory play(String rewards, String... turns) throws Exception {
    peer.open(TOOL, rewards, "{'answer':4}", Peerage.AMPLE).close();
    Script script = new Script(turns);
    return new Rollout(
            new RolloutId("r", "g-1", 0, 0),
            Peerage.task("{'answer':4}"),
            peer.environments.lookup("e").orElseThrow(),
            new Rollout.Agent(script, script, script),
            Sampling.FULL,
            new RolloutLimits(4, 10, 100, 1000, Peerage.AMPLE, 3),
            System::nanoTime)
        .run();
  }

  private void sandbox(String body) {
    peer.http.stubFor(post("/run_code").willReturn(okJson(body)));
  }

  /// A policy that says its turns in order; the token of a turn is its number plus one.
  private static final class Script implements Policy, ChatFormat, ToolCallParser {
    private final List<String> turns;
    private final Deque<Integer> left = new ArrayDeque<>();

    Script(String... turns) {
      this.turns = List.of(turns);
      for (int i = 0; i < turns.length; i++) left.add(i + 1);
    }

    @Override
    public Generation generate(Request request, TokenListener listener) {
      Tokens said = Tokens.of(left.remove());
      return new Generation(
          said,
          Logprobs.of(-1f),
          new RunLength.Builder<Integer>().add(1, 0).build(),
          "l",
          Generation.FinishReason.STOP,
          0,
          false);
    }

    @Override
    public int contextLength() {
      return 1000;
    }

    @Override
    public WeightsId weights() {
      return new WeightsId("l", 0, "");
    }

    @Override
    public Tokens prompt(List<Message> messages, List<ToolSpec> tools) {
      return Tokens.of(0);
    }

    @Override
    public Tokens suffix(Tokens held, List<Message> messages, List<ToolSpec> tools) {
      return Tokens.of(0);
    }

    @Override
    public String text(Tokens generated) {
      int turn = generated.last() - 1;
      return turn >= 0 && turn < turns.size() ? turns.get(turn) : "";
    }

    @Override
    public Set<Integer> stopIds() {
      return Set.of();
    }

    @Override
    public Parsed parse(Turn turn) {
      String text = turn.text();
      if (!text.startsWith("call ")) return new Parsed.Answer(text);
      Json arguments = new Json(JsonText.object().put("code", text.substring(5)).toString());
      return new Parsed.Calls("", List.of(new ToolCall("c", "python", arguments)));
    }
  }
}
