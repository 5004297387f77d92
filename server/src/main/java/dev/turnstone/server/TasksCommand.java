package dev.turnstone.server;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.envadapters.tasks.TaskFile;
import dev.turnstone.envadapters.tasks.TaskMapping;
import dev.turnstone.envadapters.tasks.TaskRow;
import dev.turnstone.server.http.StartupError;
import dev.turnstone.server.http.Wire;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import okhttp3.HttpUrl;
import okhttp3.MediaType;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// `turnstone tasks`: rows of dataset files as groups of a run. Submitting the same file again
/// changes nothing, since a group is named by its file and row.
@Command(
    name = "tasks",
    description = "Reads tasks from JSON Lines or Parquet files and submits them to a run.",
    mixinStandardHelpOptions = true)
final class TasksCommand implements Callable<Integer> {
  private static final int BATCH = 100;
  private static final int BUSY = 503;
  private static final int MAX_WAITS = 600;

  enum BadRows {
    REFUSE,
    SKIP
  }

  @Parameters(paramLabel = "FILE", arity = "1..*", description = "Ends in .jsonl or .parquet.")
  private List<Path> files = List.of();

  @Option(
      names = "--run",
      paramLabel = "RUN",
      description = "Run to submit to; without one the files are only checked.")
  private Optional<String> run = Optional.empty();

  @Option(names = "--server", paramLabel = "URL", description = "http://127.0.0.1:8000")
  private String server = "http://127.0.0.1:8000";

  @Option(
      names = "--prompt",
      paramLabel = "FIELD",
      description = "Text of the user's message, or a list of messages; prompt.")
  private String prompt = "prompt";

  @Option(names = "--system", paramLabel = "TEXT", description = "A system message before it.")
  private Optional<String> system = Optional.empty();

  @Option(
      names = "--id",
      paramLabel = "FIELD",
      description = "Names the group; the file's name and the row's number.")
  private Optional<String> id = Optional.empty();

  @Option(
      names = "--data",
      paramLabel = "NAME=FIELD",
      description = "What goes into the task's data; may be repeated; the whole row.")
  private Map<String, String> data = new LinkedHashMap<>();

  @Option(
      names = "--bad-rows",
      paramLabel = "refuse|skip",
      description =
          "What a row that is no task does: refuse, before anything is submitted, or skip.")
  private BadRows badRows = BadRows.REFUSE;

  @Option(names = "--limit", paramLabel = "N", description = "Takes so many tasks at most.")
  private int limit = Integer.MAX_VALUE;

  @Spec private CommandSpec spec = CommandSpec.create();

  @Override
  public Integer call() throws InterruptedException {
    TaskMapping mapping = new TaskMapping(prompt, system, id, data);
    // Refused means that nothing is submitted, so every row is looked at first.
    Pass checked = pass(mapping, _ -> {}, true);
    spec.commandLine().getErr().printf("%d tasks, %d bad rows%n", checked.tasks, checked.bad);
    if (checked.bad > 0 && badRows == BadRows.REFUSE)
      throw new StartupError("nothing was submitted; --bad-rows skip leaves bad rows out");
    if (checked.tasks == 0) throw new StartupError("there is no task in these files");
    if (run.isEmpty()) {
      spec.commandLine().getOut().println(checked.first.map(Wire::text).orElse(""));
      return 0;
    }
    try (Submission submission = new Submission(run.get())) {
      pass(mapping, submission::add, false);
      submission.flush();
      spec.commandLine().getOut().printf("%d groups are new%n", submission.accepted);
    }
    return 0;
  }

  private Pass pass(TaskMapping mapping, Sink sink, boolean report) throws InterruptedException {
    Pass pass = new Pass(sink, report);
    for (Path file : files) {
      try {
        new TaskFile(file).read(mapping, pass);
      } catch (IOException e) {
        throw new StartupError(sentence(file, e));
      }
      if (pass.interrupted.isPresent()) throw pass.interrupted.get();
    }
    return pass;
  }

  private static String sentence(Path file, IOException e) {
    String said = String.valueOf(e.getMessage());
    return said.contains(file.toString()) && said.contains(" ") ? said : file + " cannot be read";
  }

  @FunctionalInterface
  private interface Sink {
    void take(TaskRow task) throws IOException, InterruptedException;
  }

  /// One reading of all files.
  private final class Pass implements TaskFile.Reader {
    private final Sink sink;
    private final boolean report;
    private int tasks;
    private int bad;
    private Optional<ObjectNode> first = Optional.empty();
    private Optional<InterruptedException> interrupted = Optional.empty();

    Pass(Sink sink, boolean report) {
      this.sink = sink;
      this.report = report;
    }

    @Override
    public boolean task(TaskRow task) throws IOException {
      if (first.isEmpty()) first = Optional.of(task.toGroup());
      try {
        sink.take(task);
      } catch (InterruptedException e) {
        interrupted = Optional.of(e);
        return false;
      }
      return ++tasks < limit;
    }

    @Override
    public boolean bad(TaskFile.BadRow row) {
      bad++;
      if (report) spec.commandLine().getErr().println(row);
      return true;
    }
  }

  /// Groups on their way to a server, a hundred at a time. A server that is full is asked again.
  private final class Submission implements AutoCloseable {
    private final OkHttpClient http = new OkHttpClient();
    private final HttpUrl url;
    private ArrayNode waiting = Wire.JSON.createArrayNode();
    private int accepted;

    Submission(String run) {
      HttpUrl base = HttpUrl.parse(server);
      if (base == null) throw new StartupError("--server must be a URL, but is " + server);
      url =
          base.newBuilder()
              .addPathSegments("v1/runs")
              .addPathSegment(run)
              .addPathSegment("groups")
              .build();
    }

    void add(TaskRow task) throws IOException, InterruptedException {
      waiting.add(task.toGroup());
      if (waiting.size() >= BATCH) flush();
    }

    void flush() throws InterruptedException {
      if (waiting.isEmpty()) return;
      ObjectNode body = Wire.JSON.createObjectNode();
      body.set("groups", waiting);
      for (int attempt = 0; !sent(body); attempt++) {
        if (attempt == MAX_WAITS)
          throw new StartupError("the server at %s stays full".formatted(server));
        Thread.sleep(1000);
      }
      waiting = Wire.JSON.createArrayNode();
    }

    private boolean sent(ObjectNode body) {
      Request.Builder request =
          new Request.Builder()
              .url(url)
              .post(RequestBody.create(Wire.text(body), MediaType.get("application/json")));
      Optional.ofNullable(System.getenv(ServeCommand.KEY_VARIABLE))
          .ifPresent(key -> request.header("Authorization", "Bearer " + key));
      try (Response response = http.newCall(request.build()).execute()) {
        String said = response.body().string();
        if (response.code() == BUSY) return false;
        if (!response.isSuccessful())
          throw new StartupError("the server answered %d: %s".formatted(response.code(), said));
        accepted += Wire.JSON.readTree(said).path("accepted").asInt();
        return true;
      } catch (IOException e) {
        throw new StartupError(
            "the server at %s cannot be reached: %s".formatted(server, e.getMessage()));
      }
    }

    @Override
    public void close() {
      http.connectionPool().evictAll();
      http.dispatcher().executorService().shutdown();
    }
  }
}
