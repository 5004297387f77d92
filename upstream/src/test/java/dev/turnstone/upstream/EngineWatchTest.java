package dev.turnstone.upstream;

import static org.assertj.core.api.Assertions.assertThat;

import dev.turnstone.upstream.Admission.Admitted;
import dev.turnstone.upstream.EngineSpec.Kind;
import dev.turnstone.upstream.routing.Router;
import dev.turnstone.upstream.routing.Routing;
import dev.turnstone.upstream.wire.EngineHttp;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class EngineWatchTest {
  /// Fails as nothing should, and then does not.
  private static final class Surprise implements Fleet.Readiness {
    final CountDownLatch surprises = new CountDownLatch(2);
    final CountDownLatch entered = new CountDownLatch(1);

    @Override
    public String salt() {
      return "salt";
    }

    @Override
    public void goOn(EngineSpec spec) {}

    @Override
    public void gone(UpstreamEngine engine) {}

    @Override
    public void prepare(UpstreamEngine engine, Admitted admitted, Consumer<Admitted> enter) {
      surprises.countDown();
      if (surprises.getCount() > 0) throw new IllegalStateException("a defect");
      enter.accept(admitted);
      entered.countDown();
    }

    @Override
    public void verify(UpstreamEngine engine) {}
  }

  @Test
  void aDefectDoesNotEndTheWatch() throws Exception {
    Surprise surprise = new Surprise();
    try (FakeEngine engine = new FakeEngine(Kind.VLLM)) {
      UpstreamConfig usual = UpstreamConfig.of(List.of(engine.spec()));
      UpstreamConfig config =
          new UpstreamConfig(
              usual.engines(),
              Routing.ROUND_ROBIN,
              4,
              4,
              usual.startWait(),
              usual.engineWait(),
              usual.stall(),
              Duration.ofMillis(20));
      try (EngineHttp http = new EngineHttp(Duration.ofSeconds(5));
          Fleet fleet =
              new Fleet(
                  config,
                  http,
                  new Router(Routing.ROUND_ROBIN),
                  new TokenSpace(FakeModel.VOCABULARY, FakeModel::encode),
                  surprise)) {
        fleet.add(engine.spec());

        assertThat(surprise.entered.await(20, TimeUnit.SECONDS)).isTrue();
        assertThat(fleet.serving()).hasSize(1);
      }
    }
  }
}
