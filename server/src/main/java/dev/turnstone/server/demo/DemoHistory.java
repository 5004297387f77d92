package dev.turnstone.server.demo;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/// All that happened in a demo, also before it was stopped: the groups from the ledger
/// `groups.jsonl`, the steps from the trainer's `metrics.jsonl`. Confined to the demo's own thread.
final class DemoHistory {
  private final Path ledger;
  private final Path metrics;
  private final Map<String, DemoGroup> groups = new LinkedHashMap<>();
  private final TreeMap<Integer, JsonNode> trained = new TreeMap<>();
  private long metricsRead;

  /// The history in two files, of which either may not exist yet.
  DemoHistory(Path ledger, Path metrics) {
    this.ledger = ledger;
    this.metrics = metrics;
    for (JsonNode line : whole(read(ledger, 0))) remember(DemoGroup.of(line));
    readMetrics();
  }

  boolean knows(String group) {
    return groups.containsKey(group);
  }

  /// Writes down a finished group.
  void add(JsonNode state) {
    ObjectNode line = ((ObjectNode) state.deepCopy()).without("task");
    try {
      Files.writeString(ledger, line + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    } catch (IOException e) {
      throw new DemoFailure("%s cannot be written: %s".formatted(ledger, e.getMessage()));
    }
    remember(DemoGroup.of(state));
  }

  private void remember(DemoGroup group) {
    groups.put(group.name(), group);
  }

  /// Reads what the trainer has written since the last time.
  void readMetrics() {
    String news = read(metrics, metricsRead);
    metricsRead += news.getBytes(StandardCharsets.UTF_8).length;
    for (JsonNode line : whole(news))
      if (line.path("step").isInt()) trained.put(line.path("step").intValue(), line);
  }

  int dropped() {
    return (int) groups.values().stream().filter(DemoGroup::dropped).count();
  }

  /// Delivered groups in the order of the feed.
  List<DemoGroup> delivered() {
    TreeMap<Integer, DemoGroup> bySeq = new TreeMap<>();
    for (DemoGroup group : groups.values())
      if (!group.dropped()) group.seq().ifPresent(seq -> bySeq.put(seq, group));
    return List.copyOf(bySeq.values());
  }

  /// The steps whose groups are known, in order.
  List<DemoStep> steps() {
    List<DemoStep> steps = new ArrayList<>();
    int before = 0;
    for (JsonNode line : trained.values()) {
      int to = line.path("seq").asInt();
      int count = line.path("groups").asInt();
      List<DemoGroup> since = delivered(before, to);
      if (since.size() < count) break;
      // More than it took are those of a step whose line a kill prevented.
      List<DemoGroup> taken = since.subList(since.size() - count, since.size());
      steps.add(new DemoStep(line.path("step").asInt(), line, taken));
      before = to;
    }
    return steps;
  }

  private List<DemoGroup> delivered(int after, int to) {
    return delivered().stream()
        .filter(group -> group.seq().orElse(0) > after && group.seq().orElse(0) <= to)
        .toList();
  }

  /// The rest of a file, up to its last complete line.
  private static String read(Path file, long from) {
    if (!Files.exists(file)) return "";
    try (var channel = Files.newByteChannel(file)) {
      byte[] bytes = new byte[(int) Math.max(0, channel.size() - from)];
      channel.position(from);
      var buffer = ByteBuffer.wrap(bytes);
      while (buffer.hasRemaining() && channel.read(buffer) >= 0) {}
      String text = new String(bytes, 0, buffer.position(), StandardCharsets.UTF_8);
      return text.substring(0, text.lastIndexOf('\n') + 1);
    } catch (IOException e) {
      throw new DemoFailure("%s cannot be read: %s".formatted(file, e.getMessage()));
    }
  }

  private static List<JsonNode> whole(String text) {
    return text.lines().filter(line -> !line.isBlank()).map(DemoHistory::parse).toList();
  }

  private static JsonNode parse(String line) {
    try {
      return DemoClient.JSON.readTree(line);
    } catch (JsonProcessingException e) {
      throw new DemoFailure("not JSON: '%s'".formatted(line));
    }
  }
}
