package dev.turnstone.server.demo;

import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// What the demo shows while it trains: one screen that is drawn over itself on a terminal, one
/// line per step elsewhere.
final class DemoScreen {
  private static final int CURVE = 40;
  private static final int BAR = 30;
  private static final String BLOCKS = "▁▂▃▄▅▆▇█";
  private static final String ASCII = "_.-=+*#@";

  private final PrintStream out;
  private final boolean terminal;
  private final boolean unicode;
  private int drawn;
  private int told;

  /// A screen on an output.
  ///
  /// @param terminal whether lines can be drawn over
  DemoScreen(PrintStream out, boolean terminal) {
    this.out = out;
    this.terminal = terminal;
    this.unicode = out.charset().equals(StandardCharsets.UTF_8);
  }

  /// What is shown.
  ///
  /// @param finished rollouts of this invocation
  /// @param left of the time, by the pace so far; zero if unknown
  record View(
      int steps,
      List<DemoStep> done,
      int version,
      double tokensPerSecond,
      int finished,
      Duration left) {
    View {
      done = List.copyOf(done);
    }
  }

  /// Something to say once, above the screen.
  void say(String line) {
    clear();
    out.println(line);
    out.flush();
  }

  /// Steps that an earlier invocation has told.
  void skip(int steps) {
    told = steps;
    if (steps > 0) say("steps 1 to %d were taken before".formatted(steps));
  }

  void show(View view) {
    if (terminal) {
      clear();
      List<String> lines = lines(view);
      lines.forEach(out::println);
      drawn = lines.size();
    } else {
      for (; told < view.done().size(); told++) out.println(line(view.done().get(told), view));
    }
    out.flush();
  }

  private void clear() {
    if (drawn > 0) out.print("\u001b[" + drawn + "A\u001b[J");
    drawn = 0;
  }

  private List<String> lines(View view) {
    List<DemoStep> done = view.done();
    List<String> lines = new ArrayList<>();
    lines.add(
        "step %3d of %d  %s  %s"
            .formatted(done.size(), view.steps(), bar(done.size(), view.steps()), left(view)));
    lines.add(curve("reward", done.stream().map(DemoStep::reward).toList()));
    lines.add(curve("tool calls", done.stream().map(DemoStep::toolRate).toList()));
    lines.add(
        String.format(
            Locale.ROOT,
            "policy version %d, staleness %d; %,.0f tokens/s; %d rollouts finished",
            view.version(),
            done.isEmpty() ? 0 : done.getLast().staleness(),
            view.tokensPerSecond(),
            view.finished()));
    if (!done.isEmpty())
      lines.add(
          String.format(
              Locale.ROOT,
              "log-probabilities of server and trainer differ by %.1e (k3, %d tokens)",
              done.getLast().mismatch(),
              done.getLast().mismatchTokens()));
    return lines;
  }

  private String line(DemoStep step, View view) {
    return String.format(
        Locale.ROOT,
        "step %d/%d  reward %.3f  tool_rate %.2f  version %d  staleness %d  mismatch_k3 %.1e (%d tokens)"
            + "  tokens/s %.0f",
        step.number(),
        view.steps(),
        step.reward(),
        step.toolRate(),
        step.version(),
        step.staleness(),
        step.mismatch(),
        step.mismatchTokens(),
        view.tokensPerSecond());
  }

  private String curve(String name, List<Double> values) {
    String last = values.isEmpty() ? "    " : String.format(Locale.ROOT, "%.2f", values.getLast());
    return "%-10s  %s  %s".formatted(name, last, sparkline(values));
  }

  /// Values from 0 to 1 as bars, squeezed to at most [#CURVE] of them by averaging neighbours.
  String sparkline(List<Double> values) {
    String levels = unicode ? BLOCKS : ASCII;
    int width = Math.min(values.size(), CURVE);
    StringBuilder line = new StringBuilder();
    for (int i = 0; i < width; i++) {
      int from = i * values.size() / width;
      int to = (i + 1) * values.size() / width;
      double mean =
          values.subList(from, to).stream().mapToDouble(Double::doubleValue).average().orElse(0);
      int level = (int) Math.round(Math.clamp(mean, 0, 1) * (levels.length() - 1));
      line.append(levels.charAt(level));
    }
    return line.toString();
  }

  private String bar(int done, int steps) {
    int filled = steps == 0 ? BAR : BAR * done / steps;
    return "[" + (unicode ? "█" : "#").repeat(filled) + " ".repeat(BAR - filled) + "]";
  }

  private static String left(View view) {
    long seconds = view.left().toSeconds();
    return seconds == 0 ? "" : "%d:%02d left".formatted(seconds / 60, seconds % 60);
  }
}
