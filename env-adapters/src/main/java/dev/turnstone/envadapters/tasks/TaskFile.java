package dev.turnstone.envadapters.tasks;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;

/// A file of tasks, one a row: JSON Lines (`.jsonl`, `.json`, `.ndjson`) or Parquet, as datasets on
/// the Hugging Face hub are stored. Read from its beginning to its end, never whole in memory.
public final class TaskFile {
  private final Path path;

  public TaskFile(Path path) {
    this.path = path;
  }

  /// Reads every row. A row that cannot be a task goes to the reader too: it is for the caller to
  /// skip it or to refuse the file.
  ///
  /// @throws IOException if the file cannot be read, or is neither kind
  public void read(TaskMapping mapping, Reader reader) throws IOException {
    Rows rows = (number, row) -> take(mapping, reader, number, row);
    String name = String.valueOf(path.getFileName()).toLowerCase(Locale.ROOT);
    if (name.endsWith(".parquet")) ParquetRows.read(path, rows);
    else if (name.endsWith(".jsonl") || name.endsWith(".ndjson") || name.endsWith(".json"))
      JsonLines.read(path, rows, (number, why) -> reader.bad(new BadRow(path, number, why)));
    else throw new IOException("%s must end in .jsonl or .parquet".formatted(path));
  }

  private boolean take(TaskMapping mapping, Reader reader, long number, JsonNode row)
      throws IOException {
    try {
      return reader.task(mapping.task(row, defaultName(number)));
    } catch (TaskMapping.Unusable e) {
      return reader.bad(new BadRow(path, number, String.valueOf(e.getMessage())));
    }
  }

  private String defaultName(long number) {
    String stem = String.valueOf(path.getFileName()).replaceFirst("\\.[^.]*$", "");
    return stem.replaceAll("[^A-Za-z0-9._-]", "-").replaceFirst("^[^A-Za-z0-9]+", "")
        + "-"
        + number;
  }

  /// What becomes of rows.
  public interface Reader {
    /// Takes a task.
    ///
    /// @return whether to go on
    boolean task(TaskRow task) throws IOException;

    /// Hears of a row that is no task.
    ///
    /// @return whether to go on
    boolean bad(BadRow row) throws IOException;
  }

  /// A row that is no task.
  ///
  /// @param number of the line, or of the row in Parquet, from 1
  /// @param why as the end of a sentence
  public record BadRow(Path file, long number, String why) {
    @Override
    public String toString() {
      return "%s:%d: %s".formatted(file, number, why);
    }
  }

  @FunctionalInterface
  interface Rows {
    /// Takes a row.
    ///
    /// @return whether to go on
    boolean row(long number, JsonNode row) throws IOException;
  }
}
