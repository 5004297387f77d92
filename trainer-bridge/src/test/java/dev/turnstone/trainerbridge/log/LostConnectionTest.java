package dev.turnstone.trainerbridge.log;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LostConnectionTest {
  @TempDir Path directory;

  @Test
  void aDatabaseThatIsKilledWhileItWritesLosesAndDoublesNothing() throws Exception {
    try (TrajectoryLog log = LogKind.POSTGRESQL.open(directory);
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      log.writer().write(sql -> sql.update("create table t (n integer)"));
      AtomicInteger next = new AtomicInteger();
      List<Callable<Integer>> writers = new ArrayList<>();
      for (int i = 0; i < 8; i++)
        writers.add(() -> {
          int written = 0;
          for (int n = next.getAndIncrement(); n < 2000; n = next.getAndIncrement()) {
            int number = n;
            log.writer().write(sql -> sql.update("insert into t values (?)", number));
            written++;
          }
          return written;
        });
      List<Future<Integer>> running = new ArrayList<>();
      writers.forEach(writer -> running.add(threads.submit(writer)));
      for (int kill = 1; kill <= 3; kill++) {
        while (next.get() < kill * 400) Thread.onSpinWait();
        Postgres.shared().kill();
        Postgres.shared().restart();
      }
      int written = 0;
      for (Future<Integer> writer : running) written += writer.get();

      assertThat(written).isEqualTo(2000);
      assertThat(count(log, "select count(*) from t")).isEqualTo(2000);
      assertThat(count(log, "select count(distinct n) from t")).isEqualTo(2000);
      assertThat(log.trouble()).isEmpty();
    }
  }

  private static long count(TrajectoryLog log, String query) {
    return log.writer().write(sql -> sql.query(row -> row.getLong(1), query)).getFirst();
  }
}
