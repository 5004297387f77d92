package dev.turnstone.server.demo;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.server.demo.DemoPlot.Scale;
import dev.turnstone.server.demo.DemoPlot.Series;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;

/// `report.html`: one file, without anything from elsewhere.
///
/// @param before trajectories of the first policy, as the server tells them
/// @param after trajectories of the last
record DemoReport(DemoSummary summary, List<JsonNode> before, List<JsonNode> after) {
  DemoReport {
    before = List.copyOf(before);
    after = List.copyOf(after);
  }

  String html() {
    return resource("demo-report.html")
        .replace("{{numbers}}", numbers())
        .replace("{{plots}}", plots())
        .replace("{{before}}", trajectories(before))
        .replace("{{after}}", trajectories(after));
  }

  private String numbers() {
    ObjectNode json = summary.json().without("report");
    return StreamSupport.stream(((Iterable<String>) json::fieldNames).spliterator(), false)
        .map(name -> "<div><b>%s</b>%s</div>".formatted(number(json.path(name)), name))
        .collect(Collectors.joining("\n"));
  }

  private static String number(JsonNode value) {
    boolean tiny =
        value.isDouble() && value.doubleValue() != 0 && Math.abs(value.doubleValue()) < 1e-3;
    return tiny ? String.format(Locale.ROOT, "%.1e", value.doubleValue()) : value.asText();
  }

  private String plots() {
    return List.of(
            new DemoPlot(
                "Reward and tool calls",
                Scale.SHARE,
                List.of(
                    series("mean reward", "#2a7de1", DemoStep::reward),
                    series("share of rollouts with a tool call", "#e07b28", DemoStep::toolRate))),
            new DemoPlot(
                "Mismatch of server and trainer",
                Scale.LOGARITHMIC,
                List.of(series("k3", "#8a4fbf", DemoStep::mismatch))),
            new DemoPlot(
                "Length",
                Scale.LINEAR,
                List.of(series("generated tokens per rollout", "#2f9e6e", DemoStep::length))))
        .stream()
        .map(DemoPlot::svg)
        .collect(Collectors.joining());
  }

  private Series series(String name, String color, Function<DemoStep, Double> value) {
    return new Series(name, color, summary.steps().stream().map(value).toList());
  }

  private static String trajectories(List<JsonNode> trajectories) {
    return trajectories.stream()
        .map(trajectory -> new DemoTrajectory(trajectory).html())
        .collect(Collectors.joining());
  }

  private static String resource(String name) {
    try (InputStream in = DemoReport.class.getResourceAsStream(name)) {
      if (in == null) throw new IllegalStateException("no resource " + name);
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
