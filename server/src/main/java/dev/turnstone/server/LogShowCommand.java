package dev.turnstone.server;

import dev.turnstone.engine.ModelException;
import dev.turnstone.engine.chat.Tokenizer;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.Row;
import dev.turnstone.rollout.ToolCall;
import dev.turnstone.rollout.Trajectory;
import dev.turnstone.server.http.StartupError;
import dev.turnstone.server.http.Wire;
import dev.turnstone.server.runs.TrajectoryJson;
import dev.turnstone.trainerbridge.log.LogArchive;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.IntFunction;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// `turnstone log show`: one trajectory to read, its messages and its tokens.
@Command(
    name = "show",
    description = "Shows one trajectory: messages, rewards, and every token with its mask.",
    mixinStandardHelpOptions = true)
final class LogShowCommand implements Callable<Integer> {
  @Parameters(
      paramLabel = "RUN/GROUP/INDEX[#ATTEMPT]",
      description = "Which; the newest attempt without #.")
  private String id = "";

  @Mixin private LogCommand.Place place = new LogCommand.Place();

  @Option(
      names = "--model",
      paramLabel = "tiny|DIR|ORG/NAME",
      description = "Whose tokenizer shows the tokens' text; without it ids are shown.")
  private Optional<String> model = Optional.empty();

  @Option(names = "--json", description = "As one JSON object.")
  private boolean json;

  @Option(names = "--no-tokens", description = "Leaves the tokens out.")
  private boolean withoutTokens;

  @Spec private CommandSpec spec = CommandSpec.create();

  @Override
  public Integer call() {
    PrintWriter out = spec.commandLine().getOut();
    try (LogArchive log = place.open()) {
      LogArchive.Line line = LogCommand.find(log, id);
      Trajectory trajectory =
          log.trajectory(line.id())
              .orElseThrow(() ->
                  new StartupError(
                      "rollout %s is %s and its tokens are not stored"
                          .formatted(line.id(), line.state())));
      Map<String, Double> scores = log.scores(line.id());
      if (json) {
        var node = TrajectoryJson.withoutTexts().write(trajectory);
        var given = node.putObject("scores");
        scores.forEach(given::put);
        out.println(Wire.text(node.put("outcome", line.outcome()).put("failure", line.failure())));
      } else show(out, line, trajectory, scores);
    }
    return 0;
  }

  private void show(
      PrintWriter out, LogArchive.Line line, Trajectory trajectory, Map<String, Double> scores) {
    out.printf(
        "%s: %s%s%s%n",
        line.id(),
        trajectory.stop().wire(),
        line.outcome().isEmpty() ? "" : ", " + line.outcome(),
        line.failure().isEmpty() ? "" : " (" + line.failure() + ")");
    if (!trajectory.detail().isEmpty()) out.println(trajectory.detail());
    out.println(
        trajectory
            .reward()
            .map(reward ->
                "reward " + reward.value() + parts(reward.parts()) + turns(reward.turns()))
            .orElse("no reward"));
    scores.forEach((name, value) -> out.printf("scored %s: %s%n", name, value));
    for (Message message : trajectory.transcript()) show(out, message);
    if (withoutTokens) return;
    IntFunction<String> text = model.map(this::texts).orElse(_ -> "");
    for (Row row : trajectory.rows()) show(out, row, text);
  }

  private static String parts(Map<String, Double> parts) {
    return parts.isEmpty() ? "" : " " + parts;
  }

  private static String turns(Map<Integer, Double> turns) {
    return turns.isEmpty() ? "" : ", turns " + turns;
  }

  private static void show(PrintWriter out, Message message) {
    out.printf(
        "--- %s%s%n", message.role(), message instanceof Message.Tool t ? " " + t.name() : "");
    if (message instanceof Message.Assistant said && !said.reasoning().isEmpty())
      out.printf("(thinks) %s%n", said.reasoning());
    if (!message.content().isEmpty()) out.println(message.content());
    if (message instanceof Message.Assistant said)
      for (ToolCall call : said.toolCalls())
        out.printf("calls %s %s%n", call.name(), call.arguments().text());
  }

  private static void show(PrintWriter out, Row row, IntFunction<String> text) {
    out.printf(
        "--- row %d: %d ids, %d of the prompt, %d to train, lineage %s%s%n",
        row.branch(),
        row.length(),
        row.promptLength(),
        row.trainable(),
        row.lineage().isEmpty() ? "-" : row.lineage(),
        row.flags().isEmpty() ? "" : ", " + String.join(", ", row.flags()));
    out.println("  pos      id mask    logprob version turn");
    var mask = row.mask();
    for (int i = 0; i < row.length(); i++) {
      boolean sampled = row.versions().get(i) != Row.NOT_SAMPLED;
      out.println(
          String.format(
                  Locale.ROOT,
                  "%5d %7d %4s %10s %7s %4s  %s",
                  i,
                  row.ids().get(i),
                  mask.get(i) ? "1" : ".",
                  sampled ? String.format(Locale.ROOT, "%.4f", row.logprobs().get(i)) : "",
                  sampled ? String.valueOf(row.versions().get(i)) : "",
                  sampled ? String.valueOf(row.turns().get(i)) : "",
                  text.apply(row.ids().get(i)))
              .stripTrailing());
    }
  }

  /// The text of each id, on one line.
  private IntFunction<String> texts(String name) {
    try {
      Tokenizer tokenizer = Tokenizer.load(ModelFolder.find(name).path());
      return id ->
          id < tokenizer.vocabularySize()
              ? new String(tokenizer.bytes(id), StandardCharsets.UTF_8)
                  .replace("\n", "\\n")
                  .replace("\r", "\\r")
                  .replace("\t", "\\t")
              : "";
    } catch (ModelException e) {
      throw new StartupError(String.valueOf(e.getMessage()));
    }
  }
}
