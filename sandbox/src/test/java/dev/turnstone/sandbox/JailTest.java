package dev.turnstone.sandbox;

import static org.assertj.core.api.Assertions.assertThat;

import dev.turnstone.sandbox.jail.BubblewrapJails;
import dev.turnstone.sandbox.jail.CgroupSearch;
import dev.turnstone.sandbox.jail.HostTools;
import dev.turnstone.sandbox.jail.Jail;
import dev.turnstone.sandbox.jail.JailFolder;
import dev.turnstone.sandbox.jail.JailLost;
import dev.turnstone.sandbox.jail.Jails;
import dev.turnstone.sandbox.jail.SandboxException;
import dev.turnstone.sandbox.jail.Spawner;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

/// Jails on their own, without a pool.
final class JailTest {
  private final SandboxConfig config = RunningSandbox.config(0, Duration.ZERO);

  @Test
  void aStartThatIsInterruptedAtAnyMomentLeavesNothing() throws Exception {
    try (Jails jails = jails(config)) {
      for (int i = 0; i < 40; i++) {
        Thread start = Thread.ofVirtual().start(() -> openAndClose(jails));
        LockSupport.parkNanos(i * 500_000L);
        start.interrupt();
        start.join();
      }
      JailedProcesses.await(() -> JailedProcesses.all(config).size() <= 1);
    }

    JailedProcesses.await(() -> JailedProcesses.all(config).isEmpty());
  }

  @Test
  void aKilledZygoteIsStartedAgain() throws Exception {
    try (BubblewrapJails jails = jails(config)) {
      jails.open().close();
      ProcessHandle first = jails.outermost().orElseThrow();
      first.destroyForcibly();
      JailedProcesses.await(() -> !first.isAlive());

      jails.open().close();

      assertThat(jails.outermost().orElseThrow()).isNotEqualTo(first);
    }
    JailedProcesses.await(() -> JailedProcesses.all(config).isEmpty());
  }

  static BubblewrapJails jails(SandboxConfig config) throws SandboxException {
    return new BubblewrapJails(
        HostTools.find(List.of()),
        new Spawner(),
        JailFolder.create(),
        CgroupSearch.search(),
        config.firstUid());
  }

  private static void openAndClose(Jails jails) {
    try (Jail _ = jails.open()) {
      // Closed at once.
    } catch (JailLost | InterruptedException e) {
      // Either may come of the interrupt.
    }
  }
}
