package dev.turnstone.envadapters;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.turnstone.envadapters.peer.InvalidEnvironment;
import dev.turnstone.envadapters.peer.ToolAddressPolicy;
import dev.turnstone.rollout.Environment.EnvironmentLost;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class EnvironmentsTest {
  private static final String SECRET =
      """
      {"environment":"s","tools":[{"kind":"http","name":"t","description":"d",
       "url":"http://127.0.0.1:1","headers":{"Authorization":{"env":"MY_TOKEN"}}}]}
      """;

  private final Map<String, String> variables = new HashMap<>(Map.of("MY_TOKEN", "s3cret"));
  private final Environments environments =
      new Environments(
          ToolAddressPolicy.of(List.of("127.0.0.1")),
          name -> Optional.ofNullable(variables.get(name)));

  @AfterEach
  void close() {
    environments.close();
  }

  @Test
  void whatIsRegisteredIsFoundListedAndForgotten() {
    EnvironmentSpec b = spec("b", "answer");
    EnvironmentSpec a = spec("a", "answer");

    assertThat(environments.register(b)).isTrue();
    assertThat(environments.register(a)).isTrue();
    assertThat(environments.list()).containsExactly(a, b);
    assertThat(environments.find("b")).contains(b);
    assertThat(environments.lookup("b")).isPresent();
    assertThat(environments.remove("b")).isTrue();
    assertThat(environments.remove("b")).isFalse();
    assertThat(environments.find("b")).isEmpty();
    assertThat(environments.lookup("b")).isEmpty();
  }

  @Test
  void theSameBodyAgainChangesNothingAndAnotherIsRefused() {
    assertThat(environments.register(spec("a", "answer"))).isTrue();
    assertThat(environments.register(spec("a", "answer"))).isFalse();
    assertThatThrownBy(() -> environments.register(spec("a", "solution")))
        .isInstanceOf(InvalidEnvironment.class)
        .hasMessage("environment a is registered with another body; delete it first");
    assertThat(environments.find("a")).contains(spec("a", "answer"));
  }

  @Test
  void aTaskOfAnUnknownEnvironmentIsRefused() {
    assertThat(environments.objection(Peerage.task("{}")))
        .contains("environment e is not registered");
    environments.register(spec("e", "answer"));
    assertThat(environments.objection(Peerage.task("{'answer':1}"))).isEmpty();
  }

  @Test
  void aSecretThatIsNotSetIsFoundAtRegistration() {
    variables.clear();

    assertThatThrownBy(() -> environments.register(EnvironmentSpec.parse(SECRET)))
        .isInstanceOf(InvalidEnvironment.class)
        .hasMessage(
            "tools[0].headers.Authorization.env names a variable that is not set on the server, was"
                + " \"MY_TOKEN\"");
    assertThat(environments.list()).isEmpty();
  }

  @Test
  void aSecretThatVanishesOrCannotBeSentLosesTheEnvironmentWithoutShowingIt() throws Exception {
    environments.register(EnvironmentSpec.parse(SECRET));
    try (var session =
        environments.lookup("s").orElseThrow().open(Peerage.task("{}"), 1, Peerage.AMPLE)) {
      variables.put("MY_TOKEN", "s3cret\nvalue");
      assertThatThrownBy(() -> session.step(List.of(Peerage.toolCall("c", "t", "{}"))))
          .isInstanceOf(EnvironmentLost.class)
          .hasMessageContaining("MY_TOKEN, which cannot stand in a header")
          .hasMessageNotContaining("s3cret");
      variables.clear();
      assertThatThrownBy(() -> session.step(List.of(Peerage.toolCall("c", "t", "{}"))))
          .isInstanceOf(EnvironmentLost.class)
          .hasMessageContaining("MY_TOKEN, which is not set");
    }
  }

  private static EnvironmentSpec spec(String name, String field) {
    return EnvironmentSpec.parse(
        """
        {"environment":"%s","rewards":[{"kind":"exact_match","field":"%s"}]}
        """
            .formatted(name, field));
  }
}
