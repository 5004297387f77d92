package dev.turnstone.trainerbridge.log;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.turnstone.trainerbridge.runs.Bridge;
import dev.turnstone.trainerbridge.runs.Run;
import dev.turnstone.trainerbridge.runs.RunEvent;
import dev.turnstone.trainerbridge.runs.RunEvents;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// SQLite's page limit stands for the disk: what does not fit fails with `SQLITE_FULL` alike.
class FullDiskTest {
  @TempDir Path directory;

  @Test
  void aFullDiskPausesAdmissionAndLosesNothing() throws Exception {
    try (Bridge bridge = Bridge.started(directory)) {
      Run run = bridge.run("");
      CountDownLatch full = new CountDownLatch(1);
      bridge.policy.script(request -> {
        full.await(20, TimeUnit.SECONDS);
        return "an answer";
      });
      try (RunEvents.Watch watch = run.events().watch()) {
        Bridge.submit(run, "g-1", "g-2");
        pages(bridge.log, 0);
        // More than the pages in use have room for.
        assertThatThrownBy(() -> fill(bridge.log)).isInstanceOf(LogException.class);
        full.countDown();

        assertThat(run.state().state()).isEqualTo("paused");
        assertThat(run.state().paused().orElseThrow()).contains("no room on the disk");
        assertThatThrownBy(() -> Bridge.submit(run, names())).isInstanceOf(LogException.class);

        pages(bridge.log, 1 << 20);
        Bridge.settled(watch, 2);
      }
      assertThat(run.state().state()).isEqualTo("running");
      assertThat(run.state().counters()).containsEntry("groups_complete", 2L);
    }
  }

  @Test
  void theEndIsToldOnceTheLogTookTheLastStep() throws Exception {
    try (Bridge bridge = Bridge.started(directory)) {
      Run run = bridge.run("\"advantages\":\"gpg\"");
      try (RunEvents.Watch watch = run.events().watch()) {
        Bridge.submit(run, "g-1");
        Bridge.settled(watch, 1);
        change(
            bridge.log,
            "create trigger refuse before update of step on runs when new.head = old.head"
                + " begin select raise(abort, 'no room'); end");
        assertThatThrownBy(run::end).isInstanceOf(LogException.class);

        change(bridge.log, "drop trigger refuse");
        bridge.tick();

        assertThat(Bridge.next(watch, RunEvent.Ended.class)).isEqualTo(new RunEvent.Ended(1));
      }
    }
  }

  private static void change(TrajectoryLog log, String schema) {
    log.writer().write(sql -> sql.update(schema));
  }

  private static String[] names() {
    String[] names = new String[2000];
    for (int i = 0; i < names.length; i++) names[i] = "later-" + i;
    return names;
  }

  private static void fill(TrajectoryLog log) {
    log.writer()
        .write(
            sql -> sql.update("insert into probes (id, bytes) values (7, ?)", new byte[1 << 20]));
  }

  /// SQLite never goes below the pages in use.
  private static void pages(TrajectoryLog log, long most) {
    log.writer()
        .write(sql -> sql.query(row -> row.getLong(1), "pragma max_page_count = " + (most + 1)));
  }
}
