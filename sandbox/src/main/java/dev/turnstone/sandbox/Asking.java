package dev.turnstone.sandbox;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.sandbox.jail.Answer;
import dev.turnstone.sandbox.jail.Limits;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.StringJoiner;

/// The words that requests to a worker share (`worker.py`).
final class Asking {
  /// The files that an answer brings, and why others of those found stayed behind.
  record Fetched(Map<String, byte[]> files, String refused) {}

  private Asking() {}

  static ObjectNode operation(String name) {
    return JsonNodeFactory.instance.objectNode().put("op", name);
  }

  /// @param memoryMb bounds the address space of each process, if it is a bound at all; 0 for none
  /// @param watched bytes that the worker itself has to watch over; 0 if the kernel does
  /// @param cpu whether CPU time of a process is bounded, by little more than its wall-clock time
  static ObjectNode limits(Duration wall, int memoryMb, long watched, boolean cpu) {
    ObjectNode limits = JsonNodeFactory.instance.objectNode();
    limits.put("wall", wall.toNanos() / 1e9);
    limits.put("output", Limits.OUTPUT).put("memory", watched);
    ObjectNode each = limits.putObject("rlimits");
    each.put("CORE", 0).put("NOFILE", Limits.OPEN_FILES).put("FSIZE", Limits.FILE_SIZE);
    each.put("NPROC", Limits.PROCESSES);
    if (cpu) each.put("CPU", wall.toSeconds() + 2);
    if (memoryMb > 0) each.put("AS", (long) memoryMb << 20);
    return limits;
  }

  static byte[] bytes(String text) {
    return text.getBytes(UTF_8);
  }

  static ArrayNode names(ArrayNode array, Iterable<String> names) {
    names.forEach(array::add);
    return array;
  }

  /// What stderr ends with where too much memory ended a program.
  static String outOfMemory(int memoryMb) {
    return "[sandbox: killed, it used more than its %d MiB of memory]\n".formatted(memoryMb);
  }

  /// @param first place of the first file among the answer's fields
  static Fetched fetched(Answer answer, List<String> asked, int first) {
    Map<String, byte[]> files = new LinkedHashMap<>();
    StringJoiner refused = new StringJoiner("; ");
    int next = first;
    for (JsonNode fate : answer.header().path("files")) {
      String name = asked.get(fate.get(0).asInt());
      if (fate.get(1).isNull()) files.put(name, answer.fields().get(next++));
      else refused.add("not fetched: " + name + ": " + fate.get(1).asText());
    }
    return new Fetched(files, refused.toString());
  }
}
