package dev.turnstone.sandbox;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.function.Consumer;

/// What must come of a hostile program: assertions on the whole response.
final class Outcome {
  private Outcome() {}

  static Consumer<JsonNode> prints(String stdout) {
    return response -> {
      assertThat(response.at("/run_result/stdout").asText())
          .as(brief(response))
          .isEqualTo(stdout + "\n");
      assertThat(response.at("/status").asText()).isEqualTo("Success");
    };
  }

  static Consumer<JsonNode> timeLimit(double seconds) {
    return response -> {
      assertThat(response.at("/status").asText()).as(brief(response)).isEqualTo("Failed");
      assertThat(response.at("/run_result/status").asText()).isEqualTo("TimeLimitExceeded");
      assertThat(response.at("/run_result/return_code").isNull()).isTrue();
      assertThat(response.at("/run_result/execution_time").asDouble())
          .isBetween(seconds, seconds + 1);
    };
  }

  static Consumer<JsonNode> finished(int code, String stdout) {
    return response -> {
      assertThat(response.at("/run_result/status").asText())
          .as(brief(response))
          .isEqualTo("Finished");
      assertThat(response.at("/run_result/stdout").asText()).as(brief(response)).isEqualTo(stdout);
      assertThat(response.at("/run_result/return_code").asInt()).isEqualTo(code);
    };
  }

  static Consumer<JsonNode> failed(String why) {
    return response -> {
      assertThat(response.at("/status").asText()).as(brief(response)).isEqualTo("Failed");
      assertThat(response.at("/run_result/status").asText()).isEqualTo("Finished");
      assertThat(response.at("/run_result/stderr").asText()).containsIgnoringCase(why);
    };
  }

  static Consumer<JsonNode> code(int code) {
    return r ->
        assertThat(r.at("/run_result/return_code").asInt(-999)).as(brief(r)).isEqualTo(code);
  }

  static Consumer<JsonNode> faster(double seconds) {
    return r -> assertThat(r.at("/run_result/execution_time").asDouble()).isLessThan(seconds);
  }

  static String brief(JsonNode response) {
    String text = response.toString();
    return text.substring(0, Math.min(text.length(), 2000));
  }
}
