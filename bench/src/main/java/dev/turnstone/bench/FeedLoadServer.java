package dev.turnstone.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.turnstone.rollout.Environment;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.Observation;
import dev.turnstone.rollout.Reward;
import dev.turnstone.rollout.Rollout;
import dev.turnstone.rollout.ToolCall;
import dev.turnstone.rollout.ToolSpec;
import dev.turnstone.server.http.Access;
import dev.turnstone.server.http.Contract;
import dev.turnstone.server.http.Dispatch;
import dev.turnstone.server.http.InFlight;
import dev.turnstone.server.http.Metrics;
import dev.turnstone.server.http.Rim;
import dev.turnstone.server.runs.FeedApi;
import dev.turnstone.trainerbridge.log.Retention;
import dev.turnstone.trainerbridge.log.TrajectoryLog;
import dev.turnstone.trainerbridge.runs.AgentDriver;
import dev.turnstone.trainerbridge.runs.Created;
import dev.turnstone.trainerbridge.runs.Run;
import dev.turnstone.trainerbridge.runs.Runs;
import dev.turnstone.trainerbridge.runs.Runs.Upkeep;
import dev.turnstone.trainerbridge.runs.Submitted;
import dev.turnstone.trainerbridge.spec.GroupRequest;
import dev.turnstone.trainerbridge.spec.PolicyIdentity;
import dev.turnstone.trainerbridge.spec.RunSpec;
import dev.turnstone.trainerbridge.weights.Weights;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;

/// A server process whose policy costs nothing: its runs, log and feed are the real ones.
public final class FeedLoadServer {
  static final String RUN = "load";

  /// Begins the line that names the port.
  static final String PORT = "port ";

  private static final int GROUP = 16;
  private static final int BATCH = 500;

  /// More than any measurement takes.
  private static final int TASKS = 40_000;

  private static final ObjectMapper JSON = new ObjectMapper();

  private FeedLoadServer() {}

  /// Serves until its standard input ends; prints its port first.
  ///
  /// @param args data folder, ids of a row, groups of one version
  public static void main(String[] args) throws Exception {
    Path data = Path.of(args[0]);
    FeedLoadPolicy policy = new FeedLoadPolicy(Integer.parseInt(args[1]));
    try (TrajectoryLog log = TrajectoryLog.open(data);
        Runs runs = runs(log, policy, data)) {
      runs.start();
      Dispatch dispatch =
          new Dispatch(
              new Access("127.0.0.1", List.of(), List.of()),
              Contract.load(),
              new Metrics(),
              new InFlight());
      try (Rim rim = Rim.listen("127.0.0.1", 0, dispatch, List.of())) {
        rim.serve(new FeedApi(runs).routes());
        Run run = run(runs, Integer.parseInt(args[2]));
        submit(run);
        System.out.println(PORT + rim.port());
        while (System.in.read() >= 0) {
          // Until the parent is gone.
        }
      }
    }
  }

  private static Runs runs(TrajectoryLog log, FeedLoadPolicy policy, Path data) throws Exception {
    return new Runs(
        log,
        new Rollout.Agent(policy, policy, policy),
        new PolicyIdentity("a".repeat(64), "b".repeat(64), FeedLoadPolicy.VOCABULARY),
        name -> Optional.of((task, seed, deadline) -> new Scored()),
        AgentDriver.NONE,
        Weights.open(log, policy, List.of(data)),
        new Upkeep(new Retention.Policy(256 << 20, Duration.ofDays(1)), Duration.ofSeconds(10)),
        System::nanoTime);
  }

  private static Run run(Runs runs, int groupsPerVersion) throws Exception {
    RunSpec spec =
        RunSpec.parse(
            JSON.readTree(
                """
                {"run":"%s","environment":"none","group_size":%d,"max_staleness":1,
                 "groups_per_version":%d}\
                """
                    .formatted(RUN, GROUP, groupsPerVersion)),
            1 << 17);
    return switch (runs.create(spec)) {
      case Created.Fresh(Run run) -> run;
      case Created.Known(Run run) -> run;
      case Created.Refused(String why) -> throw new IllegalStateException(why);
    };
  }

  private static void submit(Run run) {
    try {
      for (int number = 0; number < TASKS; number += BATCH) {
        List<GroupRequest> batch = new ArrayList<>();
        for (int i = 0; i < BATCH; i++)
          batch.add(
              GroupRequest.parse(
                  JSON.readTree(
                      """
                      {"group":"g-%d","task":{"messages":[{"role":"user","content":"go"}]}}\
                      """
                          .formatted(number + i))));
        if (!(run.submit(batch) instanceof Submitted.Accepted)) return;
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// An environment without tools that rewards rollouts differently.
  private static final class Scored implements Environment.Session {
    private static final AtomicLong COUNT = new AtomicLong();

    @Override
    public List<ToolSpec> tools() {
      return List.of();
    }

    @Override
    public Observation step(List<ToolCall> calls) {
      throw new UnsupportedOperationException("there are no tools");
    }

    @Override
    public Optional<Reward> score(List<Message> transcript) {
      return Optional.of(Reward.of((double) (COUNT.getAndIncrement() % 2)));
    }

    @Override
    public void close() {}
  }
}
