package dev.turnstone.trainerbridge.log;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.turnstone.rollout.Json;
import dev.turnstone.rollout.Reward;
import dev.turnstone.rollout.RolloutId;
import dev.turnstone.rollout.Trajectory;
import dev.turnstone.trainerbridge.wire.Frames;
import dev.turnstone.trainerbridge.wire.TrajectoryCodec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

public class TrajectoryLogTest {
  @TempDir Path directory;

  @Test
  void anEnvironmentIsThereAfterARestart() throws IOException {
    try (TrajectoryLog log = TrajectoryLog.open(directory)) {
      log.environments().put("python", new Json("{\"tools\":[]}"));
      log.environments().put("python", new Json("{\"tools\":[1]}"));
      log.environments().put("other", new Json("{}"));
      assertThat(log.environments().delete("other")).isTrue();
      assertThat(log.environments().delete("other")).isFalse();
    }
    try (TrajectoryLog log = TrajectoryLog.open(directory)) {
      assertThat(log.environments().find("python")).contains(new Json("{\"tools\":[1]}"));
      assertThat(log.environments().all()).hasSize(1);
    }
  }

  @Test
  void aDatabaseThatDoesNotAnswerIsOneSentence() {
    assertThatThrownBy(() -> TrajectoryLog.open("jdbc:postgresql://127.0.0.1:1/log"))
        .isInstanceOf(IOException.class)
        .message()
        .startsWith("the log in jdbc:postgresql://127.0.0.1:1/log cannot be opened: Connection to")
        .hasLineCount(1);
  }

  @Test
  void whatSingleTurnsWereGivenIsStoredWithTheReward() {
    Reward reward = new Reward(1.5, Map.of(), new TreeMap<>(Map.of(1, 0.25, 3, -1.0)));

    Trajectory stored = Frames.trajectory(new RolloutId("r", "g", 0, 0), Optional.of(reward));

    assertThat(TrajectoryCodec.decode(TrajectoryCodec.encode(stored)).reward()).contains(reward);
  }

  @Test
  void oneProcessAtATimeOwnsADirectory() throws IOException {
    try (TrajectoryLog _ = TrajectoryLog.open(directory)) {
      assertThatThrownBy(() -> TrajectoryLog.open(directory))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("is in use");
    }
  }

  @Test
  void aFileThatIsNoDatabaseIsNamed() throws IOException {
    Files.writeString(directory.resolve("trajectories.db"), "this is not a database".repeat(100));

    assertThatThrownBy(() -> TrajectoryLog.open(directory))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(directory.toString());
  }

  @Test
  void writersShareAnFsyncAndAWriteThatFailsIsAlone() throws Exception {
    try (LogWriter writer = writer();
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      writer.write(sql -> sql.update("create table t (n integer primary key)"));
      List<Callable<Boolean>> writes = new ArrayList<>();
      // Every number twice: the second insert breaks the key and must not take others with it.
      for (int i = 0; i < 400; i++) {
        int number = i / 2;
        writes.add(() -> inserted(writer, number));
      }
      int stored = 0;
      for (Future<Boolean> write : threads.invokeAll(writes)) if (write.get()) stored++;

      assertThat(stored).isEqualTo(200);
      List<Integer> counted =
          writer.write(sql -> sql.query(row -> row.getInt(1), "select count(*) from t"));
      assertThat(counted).containsExactly(200);
    }
  }

  @Test
  void aClosedLogSaysSo() throws Exception {
    LogWriter writer = writer();
    writer.close();

    assertThatThrownBy(() -> writer.write(sql -> sql.update("select 1")))
        .isInstanceOf(LogException.class)
        .hasMessage("the trajectory log is closed");
  }

  @Test
  void anInterruptedWriterStillLearnsWhatBecameDurable() throws Exception {
    try (LogWriter writer = writer()) {
      writer.write(sql -> sql.update("create table t (n integer primary key)"));
      Thread.currentThread().interrupt();

      assertThat(inserted(writer, 1)).isTrue();
      assertThat(Thread.interrupted()).isTrue();
    }
  }

  private LogWriter writer() throws SQLException {
    return new LogWriter(Database.sqlite(directory.resolve("w.db")), new LogHealth());
  }

  private static boolean inserted(LogWriter writer, int number) {
    try {
      writer.write(sql -> sql.update("insert into t values (?)", number));
      return true;
    } catch (LogException e) {
      return false;
    }
  }
}
