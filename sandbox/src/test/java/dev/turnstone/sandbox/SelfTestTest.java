package dev.turnstone.sandbox;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/// The self-test lets a whole jail pass and names what is wrong with a broken one.
final class SelfTestTest {
  private static final byte[] ALLOW_EVERYTHING = new BpfProgram().answer(0x7fff0000).bytes();

  @Test
  void aWholeJailPasses() {
    assertThatCode(() -> selfTest(HostTools.find(), Optional.empty())).doesNotThrowAnyException();
  }

  @Test
  void aJailWithoutAFilterIsRefused() {
    assertThatThrownBy(() -> selfTest(HostTools.find(), Optional.of(ALLOW_EVERYTHING)))
        .isInstanceOf(SandboxException.class)
        .hasMessageStartingWith(
            "the sandbox's self-test failed, programs would not be isolated: open a vsock")
        .hasMessageContaining("use io_uring")
        .hasMessageContaining("make anonymous memory files");
  }

  @Test
  void aJailOfRootIsRefused() throws SandboxException {
    HostTools tools = HostTools.find();
    Assumptions.assumeTrue(tools.setpriv().isPresent(), "only root can start a jail as root");

    assertThatThrownBy(
            () -> selfTest(new HostTools(tools.bwrap(), Optional.empty()), Optional.empty()))
        .isInstanceOf(SandboxException.class)
        .hasMessageStartingWith("the sandbox's self-test failed: a jail runs as root");
  }

  @Test
  void aBubblewrapThatFailsIsQuoted() {
    HostTools broken = new HostTools(Path.of("/usr/bin/ls"), Optional.empty());

    assertThatThrownBy(() -> selfTest(broken, Optional.empty()))
        .isInstanceOf(SandboxException.class)
        .hasMessageStartingWith("the sandbox cannot start a jail: /usr/bin/ls: ")
        .hasMessageContaining("kernel.unprivileged_userns_clone=1");
  }

  @Test
  void aMissingToolIsNamedWithItsPackage() {
    assertThatThrownBy(() -> HostTools.find("bwrap", "bubblewrap", List.of(Path.of("/nowhere"))))
        .isInstanceOf(SandboxException.class)
        .hasMessage(
            "the sandbox needs bwrap, which is not installed: run apt-get install bubblewrap");
  }

  private static void selfTest(HostTools tools, Optional<byte[]> filter)
      throws SandboxException, IOException {
    SandboxConfig config = RunningSandbox.config(0, Duration.ZERO);
    try (JailFolder folder = JailFolder.create();
        Spawner spawner = new Spawner()) {
      if (filter.isPresent()) Files.write(folder.filter(), filter.get());
      new SelfTest(spawner, new JailCommand(tools, folder, config.firstUid())).run();
    }
  }
}
