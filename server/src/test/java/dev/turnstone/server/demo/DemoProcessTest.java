package dev.turnstone.server.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class DemoProcessTest {
  @TempDir private Path logs;

  @Test
  void aProcessThatDoesNotStartIsNamedWithItsLastWords() {
    try (DemoProcess process = DemoProcess.start("server", logs, List.of("serve", "--prot=0"))) {
      assertThatThrownBy(process::url)
          .isInstanceOf(DemoFailure.class)
          .hasMessageStartingWith(
              "the server ended with exit code 2: turnstone serve: Unknown option: '--prot=0'")
          .hasMessageEndingWith("(see %s)".formatted(logs.resolve("server.log")));
    }
  }

  @Test
  void aProcessThatIsDoneHasEnded() throws InterruptedException {
    try (DemoProcess process = DemoProcess.start("help", logs, List.of("--help"))) {
      assertThat(process.hasEnded(Duration.ofSeconds(30))).isTrue();
      assertThat(logs.resolve("help.log")).content().contains("Usage: turnstone");
    }
  }
}
