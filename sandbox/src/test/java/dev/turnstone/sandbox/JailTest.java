package dev.turnstone.sandbox;

import dev.turnstone.sandbox.Jail.JailLost;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

/// A jail on its own, without a pool.
final class JailTest {
  @Test
  void aStartThatIsInterruptedAtAnyMomentLeavesNothing() throws Exception {
    SandboxConfig config = RunningSandbox.config(0, Duration.ZERO);
    try (JailFolder folder = JailFolder.create();
        Spawner spawner = new Spawner()) {
      JailCommand command = new JailCommand(HostTools.find(), folder, config.firstUid());
      for (int i = 0; i < 40; i++) {
        Thread start = Thread.ofVirtual().start(() -> startAndClose(spawner, command));
        LockSupport.parkNanos(i * 500_000L);
        start.interrupt();
        start.join();
      }
    }

    JailedProcesses.await(() -> JailedProcesses.all(config).isEmpty());
  }

  private static void startAndClose(Spawner spawner, JailCommand command) {
    try {
      Jail.start(spawner, command).close();
    } catch (JailLost | InterruptedException e) {
      // Either may come of the interrupt.
    }
  }
}
