package dev.turnstone.server.demo;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Locale;

/// A trajectory as HTML, from the server's JSON: every token in a span of its own. What the policy
/// read is grey; what it sampled is coloured by how likely it was, and outlined if it was trained.
final class DemoTrajectory {
  private final JsonNode trajectory;

  DemoTrajectory(JsonNode trajectory) {
    this.trajectory = trajectory;
  }

  String html() {
    StringBuilder html = new StringBuilder("<article><header>");
    JsonNode reward = trajectory.path("reward");
    html.append(
        String.format(
            Locale.ROOT,
            "%s, rollout %d: reward <b>%s</b>, stop <b>%s</b>, %d tool calls",
            escaped(trajectory.path("group").asText()),
            trajectory.path("index").asInt(),
            reward.isNumber() ? String.format(Locale.ROOT, "%.2f", reward.doubleValue()) : "none",
            escaped(trajectory.path("stop").asText()),
            trajectory.path("stats").path("tool_calls").asInt()));
    html.append("</header>");
    for (JsonNode row : trajectory.path("rows"))
      html.append("<pre>").append(row(row)).append("</pre>");
    return html.append("</article>\n").toString();
  }

  private static String row(JsonNode row) {
    StringBuilder html = new StringBuilder();
    for (int i = 0; i < row.path("ids").size(); i++) {
      int version = at(row.path("versions"), i);
      double logprob = row.path("logprobs").path(i).asDouble();
      String text = escaped(row.path("texts").path(i).asText("⟨" + row.path("ids").path(i) + "⟩"));
      String id = "id " + row.path("ids").path(i).asInt();
      html.append(
          version < 0
              ? String.format(
                  Locale.ROOT, "<span class='read' title='%s, read'>%s</span>", id, text)
              : String.format(
                  Locale.ROOT,
                  "<span class='%s' style='--p:%.2f' title='%s, log-probability %.3f, version %d, turn %d, mask %d'>%s</span>",
                  row.path("mask").path(i).asInt() == 1 ? "trained" : "sampled",
                  1 - Math.exp(logprob),
                  id,
                  logprob,
                  version,
                  at(row.path("turns"), i),
                  row.path("mask").path(i).asInt(),
                  text));
    }
    return html.toString();
  }

  /// The value of a run-length sequence at a position.
  private static int at(JsonNode runs, int position) {
    int value = -1;
    for (int i = 0; i < runs.path("starts").size(); i++)
      if (runs.path("starts").path(i).asInt() <= position)
        value = runs.path("values").path(i).asInt();
    return value;
  }

  static String escaped(String text) {
    return text.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("'", "&#39;")
        .replace("\"", "&quot;");
  }
}
