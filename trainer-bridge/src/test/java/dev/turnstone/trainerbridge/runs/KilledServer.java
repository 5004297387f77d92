package dev.turnstone.trainerbridge.runs;

import dev.turnstone.trainerbridge.log.RolloutSummary;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;

/// A process that rolls out groups and says on stdout what became durable, until it is killed.
public final class KilledServer {
  private KilledServer() {}

  public static void main(String[] args) throws Exception {
    try (Bridge bridge = Bridge.started(Path.of(args[0]))) {
      Semaphore left = new Semaphore(100);
      bridge.policy.script(request -> {
        // An engine that is now quick and now slow, so that groups are cut in every state; the last
        // 60 rollouts are cut for certain.
        TimeUnit.MICROSECONDS.sleep(ThreadLocalRandom.current().nextInt(10_000));
        left.acquire();
        return "from the first life";
      });
      Run run = bridge.run("\"group_size\":4,\"groups_per_version\":64");
      try (RunEvents.Watch watch = run.events().watch()) {
        for (int i = 0; i < 40; i++) {
          Bridge.submit(run, "g-" + i);
          System.out.println("submitted g-" + i);
        }
        while (true) {
          RunEvent event = watch.next(Duration.ofSeconds(10)).orElseThrow();
          if (event instanceof RunEvent.RolloutFinished(RolloutSummary rollout))
            System.out.println("rollout " + rollout.group() + " " + rollout.index());
          if (event instanceof RunEvent.GroupCompleted group)
            System.out.println("group " + group.group() + " " + group.seq());
        }
      }
    }
  }
}
