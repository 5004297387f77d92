package dev.turnstone.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.envadapters.EnvironmentSpec;
import dev.turnstone.envadapters.Environments;
import dev.turnstone.envadapters.peer.ToolAddressPolicy;
import dev.turnstone.envadapters.tools.SampleArguments;
import dev.turnstone.envadapters.tools.TokenCount;
import dev.turnstone.rollout.Environment;
import dev.turnstone.rollout.Environment.EnvironmentLost;
import dev.turnstone.rollout.Json;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.Observation;
import dev.turnstone.rollout.Task;
import dev.turnstone.rollout.ToolCall;
import dev.turnstone.rollout.ToolSpec;
import dev.turnstone.server.http.StartupError;
import dev.turnstone.server.http.Wire;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// `turnstone env`: what has to do with environments before a server runs them.
@Command(
    name = "env",
    description = "Tries environments out.",
    mixinStandardHelpOptions = true,
    subcommands = EnvCommand.Check.class,
    synopsisSubcommandLabel = "COMMAND")
final class EnvCommand implements Runnable {
  @Spec private CommandSpec spec = CommandSpec.create();

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "Name a command");
  }

  /// `turnstone env check`: a dry run of an environment file.
  @Command(
      name = "check",
      description =
          "Opens an environment, lists its tools, makes one call and prints what the policy would"
              + " see.",
      mixinStandardHelpOptions = true)
  static final class Check implements Callable<Integer> {
    @Parameters(paramLabel = "FILE", description = "YAML or JSON of an environment.")
    private Path file = Path.of("");

    @Option(names = "--call", paramLabel = "TOOL", description = "Tool to call; the first one.")
    private Optional<String> tool = Optional.empty();

    @Option(
        names = "--arguments",
        paramLabel = "JSON",
        description = "Of the call; the least that its schema takes.")
    private Optional<String> arguments = Optional.empty();

    @Option(
        names = "--data",
        paramLabel = "JSON",
        description = "The task's data, which rewards may need; {}.")
    private Optional<String> data = Optional.empty();

    @Option(
        names = "--tool-address",
        paramLabel = "ADDRESS",
        description = "Private address that tools may have; may be repeated.")
    private List<String> addresses = List.of();

    @Option(names = "--seconds", paramLabel = "N", description = "For all of it; 60.")
    private int seconds = 60;

    @Spec private CommandSpec spec = CommandSpec.create();

    @Override
    public Integer call() throws InterruptedException {
      PrintWriter out = spec.commandLine().getOut();
      try (CommandJails jails = new CommandJails();
          Environments environments =
              new Environments(
                  policy(),
                  name -> Optional.ofNullable(System.getenv(name)),
                  TokenCount.ESTIMATE,
                  jails)) {
        String name = EnvironmentFile.register(file, environments);
        Task task =
            new Task(
                "check", List.of(new Message.User("Is it there?")), name, json(data.orElse("{}")));
        Optional<String> objection = environments.objection(task);
        if (objection.isPresent() && data.isPresent()) throw new StartupError(objection.get());
        if (objection.isPresent()) withoutRewards(environments, name);
        Environment environment = environments.lookup(name).orElseThrow();
        try (Environment.Session session = environment.open(task, 0, Duration.ofSeconds(seconds))) {
          show(session, out);
        }
        objection.ifPresent(why ->
            out.printf("--- its rewards were left out: %s; --data gives a task's data%n", why));
        return 0;
      } catch (EnvironmentLost e) {
        throw new StartupError(String.valueOf(e.getMessage()));
      }
    }

    /// Its tools can be tried without a task that it could score.
    private static void withoutRewards(Environments environments, String name) {
      EnvironmentSpec spec = environments.find(name).orElseThrow();
      environments.remove(name);
      environments.register(new EnvironmentSpec(name, spec.tools(), List.of()));
    }

    private void show(Environment.Session session, PrintWriter out)
        throws EnvironmentLost, InterruptedException {
      for (Message message : session.opening())
        out.printf("--- the policy first reads, as %s%n%s%n", message.role(), message.content());
      List<ToolSpec> tools = session.tools();
      out.printf("--- %d tools%n", tools.size());
      for (ToolSpec each : tools)
        out.printf(
            "%s: %s%n  %s%n", each.name(), each.description().strip(), each.parameters().text());
      if (tools.isEmpty() && tool.isEmpty()) return;
      ToolCall call = call(tools);
      out.printf("--- %s %s%n", call.name(), call.arguments().text());
      Observation observation = session.step(List.of(call));
      observation.results().forEach(result -> out.println(result.text()));
      observation.says().ifPresent(text -> out.printf("--- and, as user%n%s%n", text));
      boolean failed = observation.allFailed();
      out.printf(
          "--- %s%s%s (tokens are estimated here; a server counts its policy's)%n",
          failed ? "the call failed, which the policy may act on" : "the call succeeded",
          observation.reward().map(reward -> ", reward " + reward).orElse(""),
          observation.done() ? ", the episode is over" : "");
    }

    private ToolCall call(List<ToolSpec> tools) {
      ToolSpec chosen =
          tools.stream()
              .filter(each -> tool.isEmpty() || each.name().equals(tool.get()))
              .findFirst()
              .orElseThrow(() ->
                  new StartupError(
                      "there is no tool %s; the tools are %s"
                          .formatted(
                              tool.orElse(""),
                              String.join(", ", tools.stream().map(ToolSpec::name).toList()))));
      Json given =
          arguments
              .map(Check::json)
              .orElseGet(
                  () -> new Json(Wire.text(SampleArguments.of(node(chosen.parameters().text())))));
      return new ToolCall("check", chosen.name(), given);
    }

    private ToolAddressPolicy policy() {
      try {
        return ToolAddressPolicy.of(addresses);
      } catch (IllegalArgumentException e) {
        throw new StartupError("--tool-address: " + e.getMessage());
      }
    }

    private static Json json(String text) {
      if (node(text) instanceof ObjectNode object) return new Json(Wire.text(object));
      throw new StartupError("this must be a JSON object: " + text);
    }

    private static JsonNode node(String text) {
      try {
        return Wire.JSON.readTree(text);
      } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
        throw new StartupError("this is not JSON: " + text);
      }
    }
  }
}
