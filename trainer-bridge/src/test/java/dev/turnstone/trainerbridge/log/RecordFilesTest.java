package dev.turnstone.trainerbridge.log;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.turnstone.trainerbridge.log.RecordFiles.Place;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.sql.SQLException;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/// `/dev/full` stands for a full disk, `/dev/null`, which nobody can sync, for one that fails.
class RecordFilesTest {
  private static final byte[] RECORD = "a record".getBytes(StandardCharsets.UTF_8);

  @TempDir Path directory;
  private Optional<Path> device = Optional.empty();
  private RecordFiles files = new RecordFiles(Path.of(""));

  @BeforeEach
  void open() {
    files = new RecordFiles(directory, this::channel);
  }

  @AfterEach
  void close() throws SQLException {
    files.close();
  }

  private FileChannel channel(Path file) throws IOException {
    FileChannel real =
        FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
    if (device.isEmpty()) return real;
    real.close();
    return FileChannel.open(device.get(), StandardOpenOption.WRITE);
  }

  @Test
  void whatATransactionOnAFullDiskAppendedTakesNoRoom() throws Exception {
    Place first = kept(files);
    Place lost = files.append(new byte[1000]);
    files.sync();
    files.takeBack();

    Place second = kept(files);

    assertThat(second).isEqualTo(lost);
    assertThat(Files.size(directory.resolve("records-1"))).isEqualTo(2L * RECORD.length);
    for (Place place : List.of(first, second))
      assertThat(files.read(place, RECORD.length)).hasValue(RECORD);
  }

  @Test
  void aProbeLeavesNothing() throws Exception {
    kept(files);
    files.probe();

    assertThat(Files.size(directory.resolve("records-1"))).isEqualTo(RECORD.length);
  }

  @Test
  @EnabledOnOs(OS.LINUX)
  void aFullDiskIsSaidToBeFullAndServesAgain() throws Exception {
    device = Optional.of(Path.of("/dev/full"));
    Database database = database();
    LogHealth health = new LogHealth();
    database.migrate();
    try (LogWriter writer = new LogWriter(database, health)) {
      assertThatThrownBy(() -> writer.write(sql -> files.append(RECORD)))
          .isInstanceOf(LogException.class);
      assertThat(health.trouble().orElseThrow()).contains("no room on the disk");

      files.close();
      device = Optional.empty();
      Place place = writer.write(sql -> files.append(RECORD));

      assertThat(health.trouble()).isEmpty();
      assertThat(files.read(place, RECORD.length)).hasValue(RECORD);
    }
  }

  @Test
  @EnabledOnOs(OS.LINUX)
  void afterAFailedSyncNothingIsAppendedToThatFile() throws Exception {
    device = Optional.of(Path.of("/dev/null"));
    files.append(RECORD);

    assertThatThrownBy(files::sync)
        .isInstanceOf(SQLException.class)
        .hasMessageContaining("records could not be synced");
    assertThat(Files.exists(directory.resolve("records-1"))).isFalse();

    device = Optional.empty();
    Place place = kept(files);
    assertThat(files.read(place, RECORD.length)).hasValue(RECORD);
  }

  @Test
  @EnabledOnOs(OS.LINUX)
  void aTransactionWhoseRecordsAreNotSyncedIsNotCommitted() throws Exception {
    Database database = database();
    database.migrate();
    try (LogWriter writer = new LogWriter(database, new LogHealth())) {
      device = Optional.of(Path.of("/dev/null"));
      assertThatThrownBy(() ->
              writer.write(sql -> {
                files.append(RECORD);
                return sql.update("insert into probes (id, bytes) values (1, null)");
              }))
          .isInstanceOf(LogException.class);

      assertThat(
              writer.<List<Integer>>write(
                  sql -> sql.query(row -> row.getInt(1), "select id from probes")))
          .isEmpty();
    }
  }

  @Test
  void anInterruptedThreadReads() throws Exception {
    Place place = kept(files);
    Thread.currentThread().interrupt();
    try {
      assertThat(files.read(place, RECORD.length)).hasValue(RECORD);
    } finally {
      assertThat(Thread.interrupted()).isTrue();
    }
  }

  @Test
  void whatIsWrittenToStaysAndWhatNobodyNamesGoes() throws Exception {
    Place old = kept(files);
    files.close();
    Place open = kept(files);

    files.retain(Set.of());

    assertThat(files.read(old, RECORD.length)).isEmpty();
    assertThat(files.read(open, RECORD.length)).hasValue(RECORD);
  }

  private static Place kept(RecordFiles files) throws SQLException {
    Place place = files.append(RECORD);
    files.sync();
    files.keep();
    return place;
  }

  private Database database() {
    Database sqlite = Database.sqlite(directory.resolve(TrajectoryLog.FILE));
    return new Database(
        sqlite.dialect(),
        sqlite.source(),
        sqlite.name(),
        sqlite.server(),
        Optional.of(files),
        1000);
  }
}
