package dev.turnstone.envadapters;

import static com.github.tomakehurst.wiremock.client.WireMock.aResponse;
import static com.github.tomakehurst.wiremock.client.WireMock.anyUrl;
import static com.github.tomakehurst.wiremock.client.WireMock.equalToJson;
import static com.github.tomakehurst.wiremock.client.WireMock.ok;
import static com.github.tomakehurst.wiremock.client.WireMock.okJson;
import static com.github.tomakehurst.wiremock.client.WireMock.post;
import static com.github.tomakehurst.wiremock.client.WireMock.postRequestedFor;
import static com.github.tomakehurst.wiremock.client.WireMock.status;
import static com.github.tomakehurst.wiremock.client.WireMock.urlEqualTo;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.entry;

import com.github.tomakehurst.wiremock.client.ResponseDefinitionBuilder;
import com.github.tomakehurst.wiremock.http.Fault;
import dev.turnstone.rollout.Environment;
import dev.turnstone.rollout.Environment.EnvironmentLost;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.Reward;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class ScoringTest {
  private static final String VERIFIER = "{'kind':'http','url':'URL/score','weight':0.5}";

  private final Peerage peer = new Peerage();

  @AfterEach
  void close() {
    peer.close();
  }

  @Test
  void anEnvironmentWithoutRewardsDoesNotScore() throws Exception {
    assertThat(score("", "{}", Peerage.answered("4"))).isEmpty();
  }

  @Test
  void theRewardIsTheWeightedSumAndItsPartsAreUnweighted() throws Exception {
    verifierSays("{\"reward\":0.5,\"parts\":{\"style\":1,\"length\":-2}}");

    Reward reward =
        score(
                "{'kind':'exact_match','weight':2},{'kind':'numeric','name':'n','weight':-1},"
                    + VERIFIER,
                "{'answer':'4'}",
                Peerage.answered("4"))
            .orElseThrow();
    assertThat(reward.value()).isEqualTo(2 * 1 - 1 * 1 + 0.5 * 0.5);
    assertThat(reward.parts())
        .containsExactly(
            entry("exact_match", 1.0),
            entry("n", 1.0),
            entry("http", 0.5),
            entry("http.style", 1.0),
            entry("http.length", -2.0));
  }

  @Test
  void aConversationWithoutAnAnswerScoresZeroAndSaysSoInItsParts() throws Exception {
    List<Message> unanswered =
        List.of(
            new Message.User("2+2?"),
            new Message.Assistant("4", List.of(Peerage.toolCall("c-0", "t", "{}"))),
            new Message.Tool("c-0", "t", "4"));

    assertThat(score("{'kind':'exact_match'},{'kind':'numeric'}", "{'answer':4}", unanswered))
        .hasValueSatisfying(reward -> {
          assertThat(reward.value()).isZero();
          assertThat(reward.parts())
              .containsExactly(entry("exact_match", 0.0), entry("numeric", 0.0));
        });
  }

  @Test
  void theVerifierSeesTaskAndTranscript() throws Exception {
    verifierSays("{\"reward\":1}");
    List<Message> transcript =
        List.of(
            new Message.System("be brief"),
            new Message.User("2+2?"),
            new Message.Assistant("hm", List.of(Peerage.toolCall("c-0", "t", "{'x':1}"))),
            new Message.Tool("c-0", "t", "4"),
            new Message.Assistant("4", List.of()));

    assertThat(score(VERIFIER, "{'answer':4.50}", transcript)).map(Reward::value).hasValue(0.5);
    peer.http.verify(
        postRequestedFor(urlEqualTo("/score"))
            .withRequestBody(
                equalToJson(
                    """
                    {"task":{"id":"g-1","environment":"e","data":{"answer":4.50},
                      "messages":[{"role":"user","content":"2+2?"}]},
                     "transcript":[{"role":"system","content":"be brief"},
                      {"role":"user","content":"2+2?"},
                      {"role":"assistant","content":"hm","tool_calls":[{"id":"c-0",
                        "type":"function","function":{"name":"t","arguments":"{\\"x\\":1}"}}]},
                      {"role":"tool","tool_call_id":"c-0","name":"t","content":"4"},
                      {"role":"assistant","content":"4"}]}
                    """)));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "0.5",
        "{}",
        "{\"reward\":null}",
        "{\"reward\":\"1\"}",
        "{\"reward\":1e999}",
        "{\"reward\":NaN}",
        "{\"reward\":1,\"parts\":[]}",
        "{\"reward\":1,\"parts\":{\"a\":null}}"
      })
  void anAnswerThatIsNoRewardIsABrokenEnvironment(String body) {
    verifierSays(body);

    assertThatThrownBy(() -> score(VERIFIER, "{}", Peerage.answered("4")))
        .isInstanceOf(EnvironmentLost.class);
  }

  @ParameterizedTest
  @ValueSource(ints = {400, 404, 500, 503})
  void aVerifierThatFailsIsABrokenEnvironment(int status) {
    answers(status(status));

    assertThatThrownBy(() -> score(VERIFIER, "{}", Peerage.answered("4")))
        .isInstanceOf(EnvironmentLost.class)
        .hasMessageEndingWith("/score answered " + status);
    peer.http.verify(status < 500 ? 1 : 3, postRequestedFor(anyUrl()));
  }

  @Test
  void aVerifierThatBreaksOrHangsIsABrokenEnvironment() {
    answers(aResponse().withFault(Fault.CONNECTION_RESET_BY_PEER));
    assertThatThrownBy(() -> score(VERIFIER, "{}", Peerage.answered("4")))
        .isInstanceOf(EnvironmentLost.class);

    answers(ok("{\"reward\":1}").withFixedDelay(60_000));
    String hasty = VERIFIER.replace("'weight'", "'timeout_s':0.1,'weight'");
    assertThatThrownBy(() -> score(hasty, "{}", Peerage.answered("4")))
        .isInstanceOf(EnvironmentLost.class)
        .hasMessageEndingWith("did not answer within 0.1 s");
  }

  @Test
  void aRolloutThatRanOutOfTimeIsStillScored() throws Exception {
    verifierSays("{\"reward\":1}");

    try (Environment.Session session = peer.open("", VERIFIER, "{}", Duration.ofNanos(1))) {
      assertThat(session.score(Peerage.answered("4"))).map(Reward::value).hasValue(0.5);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{'kind':'numeric'}               | {}                    | data.answer must be a number or a text that ends in one, was absent",
        "{'kind':'numeric'}               | {'answer':'four'}     | data.answer must be a number or a text that ends in one, was \"four\"",
        "{'kind':'numeric'}               | {'answer':1e99999999} | data.answer must be a number or a text",
        "{'kind':'exact_match'}           | {'answer':null}       | data.answer must be a string, number or boolean, was null",
        "{'kind':'exact_match'}           | {'answer':['4']}      | data.answer must be a string, number or boolean, was [\"4\"]",
        "{'kind':'exact_match','field':'f'} | []                  | data.f must be a string, number or boolean, was absent",
        "{'kind':'exact_match'}           | {                     | the task's data is not JSON",
      })
  void aTaskThatCanNotBeScoredIsFoundBeforeItsRollout(String reward, String data, String why)
      throws Exception {
    assertThatThrownBy(() -> peer.open("", reward, data, Peerage.AMPLE))
        .isInstanceOf(EnvironmentLost.class)
        .hasMessageContaining(why);
    assertThat(peer.environments.objection(Peerage.task(data)))
        .hasValueSatisfying(said -> assertThat(said).contains(why));
  }

  private Optional<Reward> score(String rewards, String data, List<Message> transcript)
      throws EnvironmentLost, InterruptedException {
    try (Environment.Session session = peer.open("", rewards, data, Peerage.AMPLE)) {
      return session.score(transcript);
    }
  }

  private void verifierSays(String body) {
    answers(okJson(body));
  }

  private void answers(ResponseDefinitionBuilder response) {
    peer.http.stubFor(post("/score").willReturn(response));
  }
}
