package dev.turnstone.server;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.server.http.Wire;
import dev.turnstone.trainerbridge.log.LogArchive;
import dev.turnstone.trainerbridge.log.LogFilter;
import dev.turnstone.trainerbridge.log.RolloutSummary;
import java.io.PrintWriter;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// `turnstone log list`: runs, groups or trajectories, a line each.
@Command(
    name = "list",
    description = "Lists runs, groups or trajectories.",
    mixinStandardHelpOptions = true)
final class LogListCommand implements Callable<Integer> {
  private static final int SHOWN = 100;

  enum What {
    RUNS,
    GROUPS,
    TRAJECTORIES
  }

  @Parameters(
      arity = "0..1",
      paramLabel = "runs|groups|trajectories",
      description = "What to list; runs.")
  private What what = What.RUNS;

  @Mixin private LogCommand.Place place = new LogCommand.Place();
  @Mixin private LogFilterOptions options = new LogFilterOptions();

  @Option(names = "--json", description = "One JSON object a line.")
  private boolean json;

  @Spec private CommandSpec spec = CommandSpec.create();

  @Override
  public Integer call() {
    PrintWriter out = spec.commandLine().getOut();
    try (LogArchive log = place.open()) {
      LogFilter filter = options.filter(log, SHOWN);
      int shown =
          switch (what) {
            case RUNS -> runs(out, log, filter);
            case GROUPS -> groups(out, log.groups(filter));
            case TRAJECTORIES -> trajectories(out, log, log.lines(filter));
          };
      if (!json && shown == filter.limit())
        spec.commandLine().getErr().printf("the first %d; --limit shows more%n", shown);
    }
    return 0;
  }

  private int runs(PrintWriter out, LogArchive log, LogFilter filter) {
    if (!json)
      out.println(
          "run                      phase         head trained  commit   groups  rollouts "
              + " created");
    List<LogArchive.RunLine> runs =
        log.runs().stream()
            .filter(run -> filter.run().map(run.marks().run()::equals).orElse(true))
            .limit(filter.limit())
            .toList();
    runs.forEach(run -> show(out, run));
    return runs.size();
  }

  private int groups(PrintWriter out, List<LogArchive.GroupLine> groups) {
    if (!json)
      out.println(
          "group                                state         seq  versions   length rollouts "
              + " reason");
    groups.forEach(group -> show(out, group));
    return groups.size();
  }

  private int trajectories(PrintWriter out, LogArchive log, List<LogArchive.Line> lines) {
    if (!json)
      out.println(
          "trajectory                               state       stop             outcome   reward"
              + "  turns length  versions  failure");
    lines.forEach(line -> show(out, log, line));
    return lines.size();
  }

  private void show(PrintWriter out, LogArchive.RunLine run) {
    var marks = run.marks();
    String phase = marks.phase().name().toLowerCase(Locale.ROOT);
    String created = Instant.ofEpochMilli(run.createdMillis()).toString();
    if (json)
      out.println(
          Wire.text(
              Wire.JSON
                  .createObjectNode()
                  .put("run", marks.run())
                  .put("phase", phase)
                  .put("head", marks.head())
                  .put("trained", marks.trained())
                  .put("commit", marks.committed())
                  .put("groups", run.groups())
                  .put("rollouts", run.rollouts())
                  .put("created", created)));
    else
      out.println(
          String.format(
              Locale.ROOT,
              "%-24s %-10s %7d %7d %7d %8d %9d  %s",
              marks.run(),
              phase,
              marks.head(),
              marks.trained(),
              marks.committed(),
              run.groups(),
              run.rollouts(),
              created));
  }

  private void show(PrintWriter out, LogArchive.GroupLine group) {
    if (json) {
      ObjectNode node =
          Wire.JSON
              .createObjectNode()
              .put("run", group.run())
              .put("group", group.group())
              .put("state", group.state())
              .put("reason", group.reason())
              .put("version_min", group.versionMin())
              .put("version_max", group.versionMax())
              .put("length", group.length())
              .put("rollouts", group.rollouts());
      if (group.seq().isPresent()) node.put("seq", group.seq().getAsLong());
      out.println(Wire.text(node));
    } else
      out.println(
          String.format(
                  Locale.ROOT,
                  "%-36s %-9s %7s %9s %8d %8d  %s",
                  group.run() + "/" + group.group(),
                  group.state(),
                  text(group.seq()),
                  versions(group.versionMin(), group.versionMax()),
                  group.length(),
                  group.rollouts(),
                  group.reason())
              .stripTrailing());
  }

  private void show(PrintWriter out, LogArchive log, LogArchive.Line line) {
    if (json) {
      ObjectNode node =
          line.summary().map(RolloutSummary::toJson).orElseGet(Wire.JSON::createObjectNode);
      node.put("id", line.id().toString()).put("run", line.id().run());
      node.put("group", line.id().group()).put("index", line.id().index());
      node.put("attempt", line.id().attempt()).put("state", line.state());
      node.put("outcome", line.outcome()).put("failure", line.failure());
      node.put("stored", line.stored());
      if (line.seq().isPresent()) node.put("seq", line.seq().getAsLong());
      ObjectNode scores = node.putObject("scores");
      log.scores(line.id()).forEach(scores::put);
      out.println(Wire.text(node));
      return;
    }
    String reward =
        line.summary()
            .filter(RolloutSummary::scored)
            .map(s -> String.format(Locale.ROOT, "%.3f", s.reward().getAsDouble()))
            .orElse("-");
    out.println(
        String.format(
                Locale.ROOT,
                "%-40s %-11s %-16s %-7s %8s %6d %6d %9s  %s",
                line.id(),
                line.state(),
                line.summary().map(s -> s.stop().wire()).orElse("-"),
                line.outcome().isEmpty() ? "-" : line.outcome(),
                reward,
                line.summary().map(RolloutSummary::turns).orElse(0),
                line.summary().map(RolloutSummary::length).orElse(0),
                line.summary().map(s -> versions(s.versionMin(), s.versionMax())).orElse("-"),
                line.failure())
            .stripTrailing());
  }

  private static String text(OptionalLong value) {
    return value.isPresent() ? String.valueOf(value.getAsLong()) : "-";
  }

  private static String versions(int min, int max) {
    return min < 0 ? "-" : min == max ? String.valueOf(min) : min + "-" + max;
  }
}
