package dev.turnstone.server.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.turnstone.server.http.StartupError;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DemoFolderTest {
  @TempDir private Path dir;

  @Test
  void aFolderRemembersItsSeedAndRefusesAnother() {
    try (DemoFolder _ = DemoFolder.open(dir.resolve("demo"), 1, "grpo")) {
      assertThat(dir.resolve("demo/demo.json")).exists();
    }
    assertThatThrownBy(() -> DemoFolder.open(dir.resolve("demo"), 2, "grpo"))
        .isInstanceOf(StartupError.class)
        .hasMessageEndingWith("has seed 1, not 2");
    try (DemoFolder again = DemoFolder.open(dir.resolve("demo"), 1, "grpo")) {
      assertThat(again.sandboxPort()).isZero();
    }
  }

  @Test
  void theSandboxKeepsItsPort() {
    try (DemoFolder folder = DemoFolder.open(dir, 1, "grpo")) {
      folder.rememberSandboxPort(4711);
    }
    try (DemoFolder folder = DemoFolder.open(dir, 1, "grpo")) {
      assertThat(folder.sandboxPort()).isEqualTo(4711);
    }
  }

  @Test
  void oneDemoAtATimeUsesAFolder() {
    try (DemoFolder _ = DemoFolder.open(dir, 1, "grpo")) {
      assertThatThrownBy(() -> DemoFolder.open(dir, 1, "grpo"))
          .isInstanceOf(StartupError.class)
          .hasMessage("another demo runs in " + dir);
    }
  }

  @Test
  void aFileWhereTheFolderShouldBeIsOneSentence() throws Exception {
    Path file = Files.writeString(dir.resolve("file"), "");

    assertThatThrownBy(() -> DemoFolder.open(file, 1, "grpo"))
        .isInstanceOf(StartupError.class)
        .hasMessageStartingWith(file + " cannot hold a demo");
  }
}
