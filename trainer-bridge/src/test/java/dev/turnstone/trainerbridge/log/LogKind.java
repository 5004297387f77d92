package dev.turnstone.trainerbridge.log;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;

/// The log's two databases, on which the same tests run.
public enum LogKind {
  SQLITE,
  POSTGRESQL;

  /// Opens the log that belongs to a folder: the same folder is the same log.
  public TrajectoryLog open(Path folder) throws IOException {
    return TrajectoryLog.at(place(folder));
  }

  /// Where the log of a folder is.
  public String place(Path folder) {
    if (this == SQLITE) return folder.resolve("log").toString();
    Assumptions.assumeTrue(
        Postgres.installed(),
        "PostgreSQL is not installed, so its tests are skipped: apt-get install postgresql");
    return Postgres.shared().database("t" + Integer.toHexString(folder.toString().hashCode()));
  }
}
