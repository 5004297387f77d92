package dev.turnstone.server.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class AccessTest {
  private static final ApiKey KEY = new ApiKey("k", Scope.ADMIN, KeyLimit.none());

  @Test
  void anotherHostNeedsAKey() {
    assertThatThrownBy(() -> new Access("0.0.0.0", List.of(), List.of()))
        .isInstanceOf(StartupError.class)
        .hasMessageContaining("TURNSTONE_API_KEY");
    assertThatCode(() -> new Access("0.0.0.0", List.of(), List.of(KEY))).doesNotThrowAnyException();
    for (String loopback : List.of("127.0.0.1", "localhost", "::1"))
      assertThatCode(() -> new Access(loopback, List.of(), List.of())).doesNotThrowAnyException();
  }

  @ParameterizedTest
  @CsvSource(
      nullValues = "-",
      textBlock =
          """
          127.0.0.1, 127.0.0.1:8000,      -,                       true
          127.0.0.1, localhost:9,         -,                       true
          127.0.0.1, LOCALHOST,           http://localhost,        true
          127.0.0.1, [::1]:8000,          -,                       true
          127.0.0.1, evil.example:8000,   -,                       false
          127.0.0.1, 10.0.0.7:8000,       -,                       false
          127.0.0.1, 127.0.0.1.evil.example, -,                    false
          127.0.0.1, named.example:8000,  -,                       true
          127.0.0.1, -,                   -,                       false
          127.0.0.1, localhost:8000,      http://localhost:8000,   true
          127.0.0.1, localhost:8000,      https://localhost:8000,  true
          127.0.0.1, localhost:8000,      http://localhost:3000,   false
          127.0.0.1, localhost:8000,      http://evil.example,     false
          127.0.0.1, localhost:8000,      null,                    false
          0.0.0.0,   10.0.0.7:8000,       -,                       true
          0.0.0.0,   [fe80::1]:8000,      -,                       true
          0.0.0.0,   evil.example,        -,                       false
          """)
  void hostAndOriginMustBeTheServersOwn(String bound, String host, String origin, boolean passes) {
    Access access = new Access(bound, List.of("named.example"), List.of(KEY));
    assertThat(
            passes(
                () -> access.checkAddress(Optional.ofNullable(host), Optional.ofNullable(origin))))
        .isEqualTo(passes);
  }

  @ParameterizedTest
  @CsvSource(
      nullValues = "-",
      textBlock =
          """
          -,              OPEN,  200
          -,              AGENT, 401
          Basic a2V5,     AGENT, 401
          Bearer wrong,   AGENT, 401
          Bearer agent-k, AGENT, 200
          bearer agent-k, AGENT, 200
          Bearer agent-k, RUN,   403
          Bearer run-k,   AGENT, 200
          Bearer run-k,   RUN,   200
          Bearer run-k,   ADMIN, 403
          Bearer admin-k, ADMIN, 200
          """)
  void aKeyOpensItsScopeAndThoseBelow(String header, Scope needed, int status) {
    Access access =
        new Access(
            "127.0.0.1",
            List.of(),
            List.of(
                new ApiKey("agent-k", Scope.AGENT, KeyLimit.none()),
                new ApiKey("run-k", Scope.RUN, KeyLimit.none()),
                new ApiKey("admin-k", Scope.ADMIN, KeyLimit.none())));
    assertThat(status(() -> access.checkKey(Optional.ofNullable(header), Optional.empty(), needed)))
        .isEqualTo(status);
  }

  @Test
  void aKeyIsNotInItsText() {
    assertThat(new ApiKey("secret", Scope.RUN, KeyLimit.none()).toString())
        .doesNotContain("secret");
  }

  private static boolean passes(Runnable check) {
    return status(check) == 200;
  }

  private static int status(Runnable check) {
    try {
      check.run();
      return 200;
    } catch (Refused e) {
      return e.status();
    }
  }
}
