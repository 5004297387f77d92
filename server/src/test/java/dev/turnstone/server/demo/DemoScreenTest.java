package dev.turnstone.server.demo;

import static dev.turnstone.server.demo.DemoFixtures.steps;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class DemoScreenTest {
  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

  @Test
  void withoutATerminalEveryStepIsOnePlainLine() {
    DemoScreen screen = screen(false, StandardCharsets.UTF_8);

    screen.show(view(steps(1)));
    screen.show(view(steps(1)));
    screen.show(view(steps(3)));

    assertThat(text().lines())
        .hasSize(3)
        .allSatisfy(
            line -> assertThat(line).matches("step [123]/9  reward 0\\.[123]00  tool_rate .*"));
    assertThat(text()).doesNotContain("\u001b");
  }

  @Test
  void stepsOfAnEarlierInvocationAreNotToldAgain() {
    DemoScreen screen = screen(false, StandardCharsets.UTF_8);

    screen.skip(2);
    screen.show(view(steps(3)));

    assertThat(text().lines().toList())
        .satisfiesExactly(
            line -> assertThat(line).isEqualTo("steps 1 to 2 were taken before"),
            line -> assertThat(line).startsWith("step 3/9"));
  }

  @Test
  void aTerminalIsDrawnOver() {
    DemoScreen screen = screen(true, StandardCharsets.UTF_8);

    screen.show(view(steps(3)));
    assertThat(text()).doesNotContain("\u001b");
    int lines = (int) text().lines().count();
    screen.show(view(steps(4)));

    assertThat(text()).contains("\u001b[" + lines + "A\u001b[J");
    assertThat(text()).contains("step   4 of 9", "1:05 left", "0.40", "policy version 4");
  }

  @Test
  void aSparklineFitsItsWidthAndShowsTheEnds() {
    List<Double> rising = IntStream.rangeClosed(0, 200).mapToObj(i -> i / 200.0).toList();

    String line = screen(true, StandardCharsets.UTF_8).sparkline(rising);

    assertThat(line).hasSize(40).startsWith("▁").endsWith("█");
    assertThat(screen(true, StandardCharsets.US_ASCII).sparkline(List.of(0.0, 1.0)))
        .isEqualTo("_@");
  }

  private DemoScreen screen(boolean terminal, Charset charset) {
    return new DemoScreen(new PrintStream(bytes, true, charset), terminal);
  }

  private String text() {
    return bytes.toString(StandardCharsets.UTF_8);
  }

  private static DemoScreen.View view(List<DemoStep> done) {
    return new DemoScreen.View(9, done, 4, 1234, 17, Duration.ofSeconds(65));
  }
}
