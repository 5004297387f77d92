package dev.turnstone.sandbox;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.sandbox.jail.Answer;
import dev.turnstone.sandbox.jail.Limits;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// Cells for a worker's Python process and what came of them.
final class Cells {
  private Cells() {}

  /// @param last whether the jail ends with these cells
  static ObjectNode header(
      List<String> cells, Duration each, Duration total, int memoryMb, long watched, boolean last) {
    ObjectNode header = Asking.operation("cells").put("cell_wall", each.toNanos() / 1e9);
    ArrayNode places = header.putArray("cells");
    for (int i = 0; i < cells.size(); i++) places.add(i);
    ObjectNode limits = Asking.limits(total, memoryMb, watched, false);
    limits.put("output", Math.min(Limits.OUTPUT, Limits.FETCHED / Math.max(cells.size(), 1)));
    header.set("limits", limits);
    header.putArray("files");
    header.putArray("fetch");
    return header.put("fetch_limit", Limits.FETCHED).put("last", last);
  }

  static List<byte[]> fields(List<String> cells, Map<String, byte[]> files) {
    List<byte[]> fields = new ArrayList<>();
    cells.forEach(cell -> fields.add(Asking.bytes(cell)));
    fields.addAll(files.values());
    return fields;
  }

  /// As SandboxFusion answers: `[{"stdout","stderr","display":[…],"error":[…]}]`.
  static ArrayNode json(Answer answer) {
    ArrayNode cells = JsonNodeFactory.instance.arrayNode();
    int next = 0;
    for (JsonNode cell : answer.header().get("cells")) {
      ObjectNode json = cells.addObject();
      json.put("stdout", new String(answer.fields().get(next++), UTF_8));
      json.put("stderr", new String(answer.fields().get(next++), UTF_8));
      json.set("display", cell.get("display"));
      json.set("error", cell.get("error"));
    }
    return cells;
  }
}
