package dev.turnstone.upstream.routing;

import static org.assertj.core.api.Assertions.assertThat;

import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

class ConcurrencyTest {
  private static final Offset<Double> CLOSE = Offset.offset(1e-9);

  @Test
  void itGrowsByAQuarterOnlyWhileTheLimitHoldsItBack() {
    Concurrency concurrency = new Concurrency(40, 1000);

    assertThat(concurrency.observe(0.5, 0, 0, 10)).isEqualTo(40);
    assertThat(concurrency.observe(0.5, 0, 0, 40)).isEqualTo(50);
    assertThat(concurrency.observe(0.5, 0, 3, 50)).isEqualTo(50);
  }

  @Test
  void itTrimsAtFourFifthsAndCutsAtNineTenthsOrOnPreemption() {
    Concurrency concurrency = new Concurrency(100, 1000);

    assertThat(concurrency.observe(0.8, 0, 0, 100)).isCloseTo(95, CLOSE);
    assertThat(concurrency.observe(0.9, 0, 0, 90)).isCloseTo(63, CLOSE);
    assertThat(concurrency.observe(0.1, 1, 0, 60)).isCloseTo(42, CLOSE);
    assertThat(concurrency.observe(0.1, 1, 0, 42)).isCloseTo(52.5, CLOSE);
  }

  @Test
  void itStaysWithinItsBounds() {
    Concurrency concurrency = new Concurrency(4, 5);

    assertThat(concurrency.observe(0, 0, 0, 4)).isEqualTo(5);
    assertThat(concurrency.observe(0.99, 0, 0, 0)).isEqualTo(1);
    assertThat(concurrency.refused(0, System.nanoTime())).isEqualTo(1);
  }

  @Test
  void aBurstOfRefusalsCutsOnce() {
    Concurrency concurrency = new Concurrency(100, 1000);
    long sent = System.nanoTime();

    for (int i = 0; i < 50; i++) assertThat(concurrency.refused(100, sent)).isCloseTo(70, CLOSE);
    assertThat(concurrency.refused(60, System.nanoTime())).isCloseTo(42, CLOSE);
  }
}
