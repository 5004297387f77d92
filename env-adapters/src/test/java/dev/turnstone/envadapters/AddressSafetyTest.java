package dev.turnstone.envadapters;

import static com.github.tomakehurst.wiremock.client.WireMock.any;
import static com.github.tomakehurst.wiremock.client.WireMock.anyRequestedFor;
import static com.github.tomakehurst.wiremock.client.WireMock.anyUrl;
import static com.github.tomakehurst.wiremock.client.WireMock.ok;
import static com.github.tomakehurst.wiremock.client.WireMock.temporaryRedirect;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.github.tomakehurst.wiremock.WireMockServer;
import com.github.tomakehurst.wiremock.core.WireMockConfiguration;
import dev.turnstone.envadapters.peer.InvalidEnvironment;
import dev.turnstone.envadapters.peer.Peers;
import dev.turnstone.envadapters.peer.ToolAddressPolicy;
import dev.turnstone.envadapters.tools.CommandJail;
import dev.turnstone.envadapters.tools.Host;
import dev.turnstone.envadapters.tools.TokenCount;
import dev.turnstone.rollout.Environment;
import dev.turnstone.rollout.Environment.EnvironmentLost;
import dev.turnstone.rollout.Observation;
import java.net.InetAddress;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import okhttp3.Dns;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The server of these tests listens on every loopback address; what is not allowed must not reach
/// it.
final class AddressSafetyTest {
  private final WireMockServer http =
      new WireMockServer(WireMockConfiguration.options().dynamicPort());

  @BeforeEach
  void start() {
    http.start();
    http.stubFor(any(anyUrl()).willReturn(ok("reached")));
  }

  @AfterEach
  void stop() {
    http.stop();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "127.0.0.1",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "2130706433",
        "127.1"
      })
  void aLiteralThatIsNotAllowedIsRefusedAtRegistration(String host) {
    assertThatThrownBy(() -> call(ToolAddressPolicy.PUBLIC_ONLY, host))
        .isInstanceOf(InvalidEnvironment.class)
        .hasMessageStartingWith("tools[0].url is refused: ")
        .hasMessageContaining("allow-list");
  }

  @Test
  void aNameThatResolvesToLoopbackIsRefusedWhenItConnects() {
    assertThatThrownBy(() -> call(ToolAddressPolicy.PUBLIC_ONLY, "rebound.example"))
        .isInstanceOf(EnvironmentLost.class)
        .hasMessageContaining("127.0.0.1 port " + http.port() + " is a loopback address");
    http.verify(0, anyRequestedFor(anyUrl()));
  }

  @Test
  void anAllowedPortOpensNoOther() {
    ToolAddressPolicy elsewhere = ToolAddressPolicy.of(List.of("127.0.0.1:1"));

    assertThatThrownBy(() -> call(elsewhere, "rebound.example"))
        .isInstanceOf(EnvironmentLost.class);
    http.verify(0, anyRequestedFor(anyUrl()));
  }

  @Test
  void anAllowedAddressIsReached() throws Exception {
    ToolAddressPolicy here = ToolAddressPolicy.of(List.of("127.0.0.1:" + http.port()));

    assertThat(call(here, "127.0.0.1").results().getFirst().text()).isEqualTo("reached");
  }

  @ParameterizedTest
  @ValueSource(strings = {"http://169.254.169.254/latest/meta-data", "/elsewhere"})
  void aRedirectIsNotFollowed(String target) {
    http.stubFor(any(anyUrl()).willReturn(temporaryRedirect(target)));
    ToolAddressPolicy here = ToolAddressPolicy.of(List.of("127.0.0.1"));

    assertThatThrownBy(() -> call(here, "127.0.0.1"))
        .isInstanceOf(EnvironmentLost.class)
        .hasMessageEndingWith("answered 302, and redirects are not followed");
    http.verify(1, anyRequestedFor(anyUrl()));
  }

  private Observation call(ToolAddressPolicy policy, String host)
      throws EnvironmentLost, InterruptedException {
    Dns dns =
        name ->
            name.equals("rebound.example")
                ? List.of(InetAddress.getLoopbackAddress())
                : Dns.SYSTEM.lookup(name);
    Function<String, Optional<String>> none = _ -> Optional.empty();
    Peers peers = new Peers(policy, dns, none, _ -> {}, System::nanoTime);
    try (Environments environments =
        new Environments(policy, none, new Host(peers, TokenCount.ESTIMATE, CommandJail.NONE))) {
      environments.register(
          EnvironmentSpec.parse(
              """
              {"environment":"e","tools":[{"kind":"http","name":"t","description":"d",
               "url":"http://%s:%d/t"}]}
              """
                  .formatted(host, http.port())));
      Environment e = environments.lookup("e").orElseThrow();
      try (Environment.Session session = e.open(Peerage.task("{}"), 1, Peerage.AMPLE)) {
        return session.step(List.of(Peerage.toolCall("c-0", "t", "{}")));
      }
    }
  }
}
