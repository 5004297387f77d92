package dev.turnstone.server.export;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/// A folder that Hugging Face's `load_dataset(FOLDER)` reads: a Parquet file and a card that says
/// so.
final class DatasetExport implements Export {
  private final Path target;
  private final Path aside;
  private final ParquetExport rows;
  private int count;

  DatasetExport(Path target) throws IOException {
    this.target = target;
    aside = Export.aside(target);
    Path data = Files.createDirectories(aside.resolve("data"));
    Path file = data.resolve("train-00000-of-00001.parquet");
    Files.deleteIfExists(file);
    rows = new ParquetExport(file);
  }

  @Override
  public void add(Stored stored) throws IOException {
    rows.add(stored);
    count++;
  }

  @Override
  public void finish() throws IOException {
    rows.finish();
    Files.writeString(aside.resolve("README.md"), card());
    Files.move(aside, target);
  }

  @Override
  public void close() throws IOException {
    rows.close();
  }

  private String card() {
    return """
    ---
    pretty_name: Turnstone trajectories
    task_categories: [text-generation]
    configs:
      - config_name: default
        data_files: [{split: train, path: data/train-00000-of-00001.parquet}]
    ---
    # Trajectories

    %d trajectories that Turnstone recorded. Columns: %s.

    `ids`, `mask`, `logprobs`, `versions`, `turns` and `temperatures` have one entry a token;
    `mask` is 1 where the policy sampled a token that may be trained, `versions` is -1 where
    nothing was sampled. `messages`, `task`, `reward_parts` and `scores` are JSON.
    """
        .formatted(count, String.join(", ", ParquetExport.columns()));
  }
}
