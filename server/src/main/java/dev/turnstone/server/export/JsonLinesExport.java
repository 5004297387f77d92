package dev.turnstone.server.export;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.server.http.Wire;
import dev.turnstone.server.runs.TrajectoryJson;
import dev.turnstone.trainerbridge.spec.GroupRequest;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;

/// One JSON object a line: what `GET /v1/runs/{run}/rollouts/{rollout}` shows, with the group's
/// `seq`, `task`, `outcome` and later `scores`.
final class JsonLinesExport implements Export {
  private final Path target;
  private final BufferedWriter out;
  private final TrajectoryJson json = TrajectoryJson.withoutTexts();

  JsonLinesExport(Path target) throws IOException {
    this.target = target;
    out = Files.newBufferedWriter(Export.aside(target));
  }

  @Override
  public void add(Stored stored) throws IOException {
    out.write(Wire.text(json(stored, json)));
    out.write('\n');
  }

  /// A trajectory with everything that the log knows about it.
  static ObjectNode json(Stored stored, TrajectoryJson trajectories) {
    ObjectNode line = trajectories.write(stored.trajectory());
    OptionalLong seq = stored.line().seq();
    if (seq.isPresent()) line.put("seq", seq.getAsLong());
    line.put("outcome", stored.line().outcome()).put("failure", stored.line().failure());
    line.set("task", GroupRequest.taskJson(stored.task()));
    ObjectNode scores = line.putObject("scores");
    stored.scores().forEach(scores::put);
    return line;
  }

  @Override
  public void finish() throws IOException {
    out.close();
    Files.move(Export.aside(target), target);
  }

  @Override
  public void close() throws IOException {
    out.close();
  }
}
