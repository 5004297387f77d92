package dev.turnstone.server.export;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/// Trajectories on their way into files. Nothing is there under its name before [#finish], so what
/// failed half way is not taken for the whole.
public interface Export extends AutoCloseable {
  /// The files that there are.
  enum Format {
    /// One JSON object a trajectory.
    JSONL,
    /// One row a token row, ids and log-probabilities as lists.
    PARQUET,
    /// A folder with verl's tensors.
    VERL,
    /// A folder that Hugging Face's `load_dataset` reads.
    DATASET
  }

  void add(Stored stored) throws IOException;

  /// Puts what was added under its name.
  void finish() throws IOException;

  @Override
  void close() throws IOException;

  /// Begins a file or folder that is not there yet.
  ///
  /// @throws IOException with one sentence, if something is there or it cannot be made
  static Export to(Format format, Path target) throws IOException {
    if (Files.exists(target)) throw new IOException("%s is there already".formatted(target));
    Path parent = target.toAbsolutePath().getParent();
    if (parent == null || !Files.isDirectory(parent))
      throw new IOException("there is no folder for %s".formatted(target));
    return switch (format) {
      case JSONL -> new JsonLinesExport(target);
      case PARQUET -> new ParquetExport(target);
      case VERL -> new VerlExport(target);
      case DATASET -> new DatasetExport(target);
    };
  }

  /// Where a file is written before it is whole.
  static Path aside(Path target) {
    return target.resolveSibling(target.getFileName() + ".part");
  }
}
