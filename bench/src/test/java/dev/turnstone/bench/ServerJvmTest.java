package dev.turnstone.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class ServerJvmTest {
  @Test
  void aMeasuredServerRunsAsTheLauncherRunsIt() throws Exception {
    String launcher = Files.readString(Path.of("../turnstone"));
    String collector = String.join(" ", ServerJvm.OPTIONS.subList(0, 2));
    assertThat(launcher)
        .contains("server-serve) collector=\"%s\"".formatted(collector))
        .contains("$collector %s ".formatted(ServerJvm.OPTIONS.getLast()));
  }
}
