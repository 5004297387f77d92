package dev.turnstone.trainerbridge.spec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.turnstone.rollout.Sampling;
import dev.turnstone.rollout.StopReason;
import dev.turnstone.rollout.StopReason.Use;
import dev.turnstone.trainerbridge.json.JsonText;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

public class RunSpecTest {
  private static RunSpec parse(String fields) {
    String body = "{\"run\":\"r\",\"environment\":\"e\",\"group_size\":8" + fields + "}";
    return RunSpec.parse(JsonText.parse(body), 1000);
  }

  @Test
  void threeFieldsAreEnough() {
    RunSpec spec = parse("");

    assertThat(spec.maxStaleness()).isEqualTo(1);
    assertThat(spec.admissionBound()).isEqualTo(16);
    assertThat(spec.limits().contextLength()).isEqualTo(1000);
    assertThat(spec.incomplete())
        .isEqualTo(new Incomplete(Incomplete.Policy.WAIT, 2, Duration.ofMinutes(10), 8));
    assertThat(spec.use(StopReason.TIMEOUT)).isEqualTo(Use.MASK);
  }

  @Test
  void whatItWritesItReadsBack() {
    RunSpec spec =
        parse(
            """
            ,"sampling":{"temperature":0.7,"top_k":5,"seed":-3},"allow_truncated_sampling":true,
            "limits":{"max_turns":3,"wall_time_s":1.5},"kv":"keep","pause":"abort",
            "incomplete":{"policy":"refill","min_k":4,"refills":1},"zero_variance":"drop",
            "stops":{"timeout":"drop","max_tokens":"train"}
            """);

    assertThat(RunSpec.parse(spec.toJson(), 1000)).isEqualTo(spec);
    assertThat(spec.use(StopReason.MAX_TOKENS)).isEqualTo(Use.TRAIN);
  }

  @Test
  void theFirstRolloutMayBeAGreedyBaseline() {
    RunSpec spec = parse(",\"greedy_baseline\":true");
    assertThat(spec.sampling(0)).isEqualTo(Sampling.GREEDY);
    assertThat(spec.sampling(1)).isEqualTo(spec.sampling());
    assertThat(RunSpec.parse(spec.toJson(), 1000)).isEqualTo(spec);
    assertThat(parse("").sampling(0)).isEqualTo(parse("").sampling());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      useHeadersInDisplayName = true,
      textBlock =
          """
          field                                    | sentence
          "run":"a b"                              | a b
          "group_size":1                           | group_size is not in [2, 1024]: 1
          "group_size":99999999999                 | group_size is not in [2, 1024]: 2147483647
          "group_size":"8"                         | group_size is not an integer: "8"
          "max_staleness":-1                       | max_staleness < 0: -1
          "max_staleness":5000000                  | above 65536 rollouts: 320000064
          "groups_per_version":0                   | groups_per_version < 1: 0
          "incomplete":{"policy":"hope"}           | incomplete.policy is not one of wait, refill, min_k, mask: "hope"
          "incomplete":{"min_k":1}                 | incomplete.min_k < 2: 1
          "incomplete":{"min_k":9}                 | incomplete.min_k is above group_size 8: 9
          "incomplete":{"group_deadline_s":0}      | group_deadline_s is not in (0, 1209600]: 0.0
          "sampling":{"temperature":-1}            | temperature is not in [0, 100]: -1.0
          "sampling":{"top_k":5}                   | allow_truncated_sampling is false: {"temperature":1.0,"top_k":5,"top_p":1.0,"min_p":0.0}
          "sampling":[]                            | sampling is not an object: []
          "limits":{"context_length":1001}         | limits.context_length is above the policy's 1000: 1001
          "limits":{"max_turns":0}                 | max_turns < 1: 0
          "limits":{"wall_time_s":1e300}           | wall_time_s is not in (0, 1209600]: 1.0E300
          "stops":{"boredom":"drop"}               | stops names no stop reason: boredom
          "stops":{"timeout":"ignore"}             | stops.timeout is not one of train, mask, drop: "ignore"
          "kv":1                                   | kv is not a string: 1
          "overlong":{"max_tokens":5,"buffer":5}   | overlong is not 0 < buffer < max_tokens: buffer 5, max_tokens 5
          "overlong":{"buffer":5}                  | overlong.max_tokens is missing
          "advantages":"magic"                     | no algorithm "magic": there are
          "advantages":"ppo"                       | advantages is ppo, whose value head only its trainer has
          "advantages":"remax"                     | advantages is remax, which needs "greedy_baseline": true
          """)
  void whatIsWrongIsNamed(String field, String sentence) {
    String name = field.substring(1, field.indexOf('"', 1));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> {
          var body = parse("").toJson();
          body.set(name, JsonText.parse("{" + field + "}").get(name));
          RunSpec.parse(body, 1000);
        })
        .withMessageContaining(sentence);
  }

  @ParameterizedTest
  @CsvSource({"run", "environment", "group_size"})
  void whatIsMissingIsNamed(String name) {
    var body = parse("").toJson();
    body.remove(name);

    assertThatIllegalArgumentException()
        .isThrownBy(() -> RunSpec.parse(body, 1000))
        .withMessage(name + " is missing");
  }
}
