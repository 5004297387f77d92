package dev.turnstone.upstream;

import static org.assertj.core.api.Assertions.assertThat;

import dev.turnstone.rollout.Tokens;
import dev.turnstone.upstream.EngineSpec.Kind;
import dev.turnstone.upstream.EngineSpec.WeightsBy;
import dev.turnstone.upstream.routing.Router;
import dev.turnstone.upstream.routing.Routing;
import dev.turnstone.upstream.wire.EngineHttp;
import java.net.URI;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(20)
class DiscoveryTest {
  @Test
  void theAddressesOfANameAreEnginesAsLongAsTheyAreThere() {
    EngineSpec service =
        new EngineSpec(
            Kind.VLLM, URI.create("http://engines:8000"), Optional.empty(), true, WeightsBy.DISK);
    AtomicReference<List<String>> addresses = new AtomicReference<>(List.of("127.1.1.1"));
    UpstreamConfig config = UpstreamConfig.of(List.of(service));
    Fleet.Readiness never = new NotReady();
    try (EngineHttp http = new EngineHttp(Duration.ofSeconds(5));
        Fleet fleet =
            new Fleet(
                config,
                http,
                new Router(Routing.ROUND_ROBIN),
                new TokenSpace(2, text -> Tokens.of(1)),
                never);
        Discovery discovery =
            new Discovery(
                fleet,
                config.engines(),
                host -> {
                  if (addresses.get().isEmpty()) throw new UnknownHostException(host);
                  return addresses.get();
                },
                Duration.ofMinutes(1))) {
      discovery.look();
      assertThat(fleet.watched()).containsExactlyInAnyOrder("http://127.1.1.1:8000");

      addresses.set(List.of("127.1.1.2", "::1"));
      discovery.look();
      assertThat(fleet.watched())
          .containsExactlyInAnyOrder("http://127.1.1.2:8000", "http://[::1]:8000");
      assertThat(fleet.engines()).extracting(UpstreamEngine::name).hasSize(2);

      addresses.set(List.of());
      discovery.look();
      assertThat(fleet.watched()).hasSize(2);
    }
  }

  private static final class NotReady implements Fleet.Readiness {
    @Override
    public String salt() {
      return "salt";
    }

    @Override
    public void goOn(EngineSpec spec) {}

    @Override
    public void gone(UpstreamEngine engine) {}

    @Override
    public void prepare(
        UpstreamEngine engine,
        Admission.Admitted admitted,
        java.util.function.Consumer<Admission.Admitted> enter) {
      throw new IllegalStateException("nobody listens there");
    }

    @Override
    public void verify(UpstreamEngine engine) {}
  }
}
