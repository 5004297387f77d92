package dev.turnstone.rollout;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class TokensTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "[]",
        "[0]",
        "[7,10]",
        "[9,99,100,999999999,1000000000,2147483647]",
        "[999,1000,9999,10000,10001,100000000]",
        "[0,0,0]"
      })
  void idsAreWrittenAsJson(String json) {
    String inner = json.substring(1, json.length() - 1);
    int[] ids =
        inner.isEmpty()
            ? new int[0]
            : java.util.Arrays.stream(inner.split(",")).mapToInt(Integer::parseInt).toArray();
    assertThat(new String(Tokens.of(ids).toJson(), StandardCharsets.US_ASCII)).isEqualTo(json);
  }
}
