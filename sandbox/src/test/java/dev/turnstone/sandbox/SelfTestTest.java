package dev.turnstone.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.turnstone.sandbox.SelfTest.Report;
import dev.turnstone.sandbox.jail.BpfProgram;
import dev.turnstone.sandbox.jail.BubblewrapJails;
import dev.turnstone.sandbox.jail.Cgroups;
import dev.turnstone.sandbox.jail.HostTools;
import dev.turnstone.sandbox.jail.JailFolder;
import dev.turnstone.sandbox.jail.Jails;
import dev.turnstone.sandbox.jail.SandboxException;
import dev.turnstone.sandbox.jail.Spawner;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/// The self-test lets a whole jail pass and names what is wrong with a broken one.
final class SelfTestTest {
  private static final byte[] ALLOW_EVERYTHING = new BpfProgram().answer(0x7fff0000).bytes();

  @Test
  void aWholeJailPassesAtLeastTwelveProbes() throws Exception {
    Report report = selfTest(HostTools.find(List.of()), Optional.empty());

    assertThat(report.failures()).isEmpty();
    assertThat(report.probes()).hasSizeGreaterThanOrEqualTo(12);
  }

  @Test
  void aJailWithoutAFilterIsRefused() throws Exception {
    Report report = selfTest(HostTools.find(List.of()), Optional.of(ALLOW_EVERYTHING));

    assertThat(report.passed()).isFalse();
    assertThat(report.failures())
        .contains("open a vsock")
        .contains("use io_uring")
        .contains("make anonymous memory files");
    assertThat(report.json().at("/probes/seccomp").asText()).contains("use io_uring");
    assertThat(report.json().at("/probes/host files").asText()).isEqualTo("held");
  }

  @Test
  void aJailOfRootIsRefused() throws Exception {
    HostTools tools = HostTools.find(List.of());
    Assumptions.assumeTrue(tools.setpriv().isPresent(), "only root can start a jail as root");

    assertThatThrownBy(() ->
            selfTest(new HostTools(tools.bwrap(), Optional.empty(), List.of()), Optional.empty()))
        .isInstanceOf(SandboxException.class)
        .hasMessageStartingWith("the sandbox cannot start a jail: PermissionError");
  }

  @Test
  void aBubblewrapThatFailsIsQuoted() {
    HostTools broken = new HostTools(Path.of("/usr/bin/ls"), Optional.empty(), List.of());

    assertThatThrownBy(() -> selfTest(broken, Optional.empty()))
        .isInstanceOf(SandboxException.class)
        .hasMessageStartingWith("the sandbox cannot start a jail: /usr/bin/ls: ")
        .hasMessageContaining("kernel.unprivileged_userns_clone=1")
        .hasMessageContaining("--isolation none");
  }

  @Test
  void aMissingToolIsNamedWithItsPackage() {
    assertThatThrownBy(() -> HostTools.find("bwrap", "bubblewrap", List.of(Path.of("/nowhere"))))
        .isInstanceOf(SandboxException.class)
        .hasMessage(
            "the sandbox needs bwrap, which is not installed: run apt-get install bubblewrap");
  }

  @Test
  void aTestThatFailsLaterStopsProgramsUntilItPassesAgain() {
    Report good = new Report(Instant.EPOCH, Map.of("mounts", List.of()));
    AtomicReference<Report> next =
        new AtomicReference<>(new Report(Instant.EPOCH, Map.of("mounts", List.of("mount"))));
    try (Guard guard = new Guard(next::get, good, Duration.ofMillis(5))) {
      JailedProcesses.await(() -> !guard.passed());
      assertThatThrownBy(guard::check)
          .hasMessage("The sandbox runs nothing, because programs would not be isolated: mount");

      next.set(good);

      JailedProcesses.await(guard::passed);
    }
  }

  private static Report selfTest(HostTools tools, Optional<byte[]> filter)
      throws SandboxException, IOException {
    SandboxConfig config = RunningSandbox.config(0, Duration.ZERO);
    JailFolder folder = JailFolder.create();
    if (filter.isPresent()) Files.write(folder.filter(), filter.get());
    try (Jails jails =
        new BubblewrapJails(
            tools, new Spawner(), folder, Cgroups.none("not in this test"), config.firstUid())) {
      return new SelfTest(jails, Languages.find(HostTools.find(List.of())), Isolation.BUBBLEWRAP)
          .run();
    }
  }
}
