package dev.turnstone.envadapters.rewards;

import static com.github.tomakehurst.wiremock.client.WireMock.aResponse;
import static com.github.tomakehurst.wiremock.client.WireMock.containing;
import static com.github.tomakehurst.wiremock.client.WireMock.matchingJsonPath;
import static com.github.tomakehurst.wiremock.client.WireMock.okJson;
import static com.github.tomakehurst.wiremock.client.WireMock.post;
import static com.github.tomakehurst.wiremock.client.WireMock.postRequestedFor;
import static com.github.tomakehurst.wiremock.client.WireMock.urlEqualTo;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.github.tomakehurst.wiremock.WireMockServer;
import com.github.tomakehurst.wiremock.core.WireMockConfiguration;
import dev.turnstone.envadapters.peer.Endpoint;
import dev.turnstone.envadapters.peer.JsonText;
import dev.turnstone.envadapters.peer.Peers;
import dev.turnstone.envadapters.peer.ToolAddressPolicy;
import dev.turnstone.rollout.Environment.EnvironmentLost;
import dev.turnstone.rollout.Reward;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import okhttp3.Dns;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class RewardsTest {
  private final WireMockServer http =
      new WireMockServer(WireMockConfiguration.options().dynamicPort().bindAddress("127.0.0.1"));
  private final Peers peers =
      new Peers(
          ToolAddressPolicy.of(List.of("127.0.0.1")),
          Dns.SYSTEM,
          _ -> Optional.empty(),
          _ -> {},
          System::nanoTime);

  @BeforeEach
  void start() {
    http.start();
  }

  @AfterEach
  void stop() {
    peers.close();
    http.stop();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "so boxed(4) | boxed\\((.*?)\\) | answer | 1",
        "boxed(5) and boxed( 4 ) | boxed\\((.*?)\\) | answer | 1",
        "boxed(4) and boxed(5) | boxed\\((.*?)\\) | answer | 0",
        "no box | boxed\\((.*?)\\) | answer | 0",
        "4 | \\d+ | answer | 1",
        "Please do | (?i)please | | 1",
        "do | please | | 0",
      })
  void aPatternFindsTheAnswer(String said, String pattern, String field, double score) {
    var regex = new RegexMatch(new RewardEntry.Regex("r", 1, pattern, Optional.ofNullable(field)));

    assertThat(regex.score(Episodes.answered("{'answer':4}", said)).value()).isEqualTo(score);
  }

  @Test
  void aTextThatAPatternBacktracksOnScoresZeroInTime() {
    var regex = new RegexMatch(new RewardEntry.Regex("r", 1, "(a+)+b", Optional.empty()));

    assertThat(regex.score(Episodes.answered("{}", "a".repeat(50_000))).value()).isZero();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{\"a\":1.0,\"b\":[2]} | 1",
        "It is ```json~{\"b\":[2],\"a\":1}~``` | 1",
        "{\"a\":1,\"b\":[2,3]} | 0",
        "{\"a\":1} | 0",
        "nothing | 0",
      })
  void jsonIsEqualWhateverItsOrder(String said, double score) {
    var equal = new JsonEqual(new RewardEntry.JsonEqual("j", 1, "answer"));

    assertThat(
            equal
                .score(Episodes.answered("{'answer':{'a':1,'b':[2]}}", said.replace('~', '\n')))
                .value())
        .isEqualTo(score);
  }

  @Test
  void stepsAreSummedAndTheEnvironmentMayScoreItself() throws Exception {
    Scoring scoring =
        new Scoring(
            List.of(new RewardEntry.Steps("steps", 2), new RewardEntry.Own("environment", 1)),
            peers);

    assertThat(scoring.score(Episodes.answered("{}", "x")))
        .contains(
            new Reward(2.25, Map.of("steps", 0.75, "environment", 0.75, "environment.style", 1.0)));
    assertThat(scoring.onlyLive()).isPresent();
  }

  @Test
  void codeIsRunAgainstHiddenTestsAndOnlyTheirEndCounts() throws Exception {
    CodeTests tests = codeTests(false);
    http.stubFor(
        post("/run_code")
            .willReturn(
                okJson("{\"status\":\"Success\",\"run_result\":{\"stdout\":\"fine\\n\"}}")));

    // The program left before the tests came to their end: the word that says so is not there.
    assertThat(
            tests
                .score(Episodes.answered("{'tests':'assert f(1)==2'}", "```python\ncode\n```"))
                .value())
        .isZero();
    http.verify(
        postRequestedFor(urlEqualTo("/run_code"))
            .withRequestBody(matchingJsonPath("$.stdin", containing("\"answer\"")))
            .withRequestBody(matchingJsonPath("$.stdin", containing("\"tests\""))));
  }

  @Test
  void inputsAndOutputsAreComparedWithoutTrailingSpace() throws Exception {
    http.stubFor(
        post("/run_code")
            .withRequestBody(matchingJsonPath("$[?(@.stdin == '1')]"))
            .willReturn(
                okJson("{\"status\":\"Success\",\"run_result\":{\"stdout\":\"2 \\n\\n\"}}")));
    http.stubFor(
        post("/run_code")
            .withRequestBody(matchingJsonPath("$[?(@.stdin == '2')]"))
            .willReturn(
                okJson(
                    "{\"status\":\"Failed\",\"run_result\":{\"return_code\":1,\"stdout\":\"\",\"stderr\":\"\"}}")));
    String data = "{'tests':[{'stdin':'1','stdout':'2'},{'stdin':'2','stdout':'3'}]}";

    assertThat(codeTests(true).score(Episodes.answered(data, "code")).value()).isEqualTo(0.5);
    assertThat(codeTests(false).score(Episodes.answered(data, "code")).value()).isZero();
    assertThat(codeTests(true).objection(JsonText.read("{\"tests\":[7]}"))).isPresent();
  }

  @Test
  void aJudgesLastScoreCounts() throws Exception {
    answers("{\"choices\":[{\"message\":{\"content\":\"Score: 3? No. **Score: 8**\"}}]}");

    assertThat(judge().score(Episodes.answered("{'answer':'four'}", "it is 4")).value())
        .isEqualTo(0.8);
    http.verify(
        postRequestedFor(urlEqualTo("/v1/chat/completions"))
            .withRequestBody(matchingJsonPath("$[?(@.model == 'm')]"))
            .withRequestBody(matchingJsonPath("$.messages[0].content")));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{\"choices\":[{\"message\":{\"content\":\"It is fine.\"}}]} | gave no score from 0 to 10 in 3 answers",
        "{\"choices\":[{\"message\":{\"content\":\"Score: 11\"}}]} | gave no score from 0 to 10 in 3 answers",
        "{\"choices\":[]} | answered no chat completion",
        "<html> | answered no JSON",
      })
  void aJudgeWithoutAScoreIsNoReward(String body, String why) {
    answers(body);

    assertThatThrownBy(() -> judge().score(Episodes.answered("{'answer':'four'}", "it is 4")))
        .isInstanceOf(EnvironmentLost.class)
        .hasMessageContaining(why);
  }

  private void answers(String body) {
    http.stubFor(post("/v1/chat/completions").willReturn(aResponse().withBody(body)));
  }

  private Judge judge() {
    return new Judge(
        new RewardEntry.Judge(
            "j", 1, endpoint("/v1"), "m", "Is it right?", Optional.of("answer"), 10, 100),
        peers);
  }

  private CodeTests codeTests(boolean partial) {
    return new CodeTests(
        new RewardEntry.CodeTests("c", 1, endpoint(""), "python", "tests", 128, partial), peers);
  }

  private Endpoint endpoint(String path) {
    return new Endpoint(http.baseUrl() + path, Map.of(), Duration.ofSeconds(5));
  }
}
