package dev.turnstone.sandbox;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.sandbox.Session.Gone;
import dev.turnstone.sandbox.Session.NoFile;
import dev.turnstone.sandbox.jail.Limits;
import io.vertx.ext.web.FileUpload;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// SWE-ReX's routes: a remote runtime for its clients.
///
/// SWE-ReX serves one runtime per server and asks for its one key; here every key (`X-API-Key`) has
/// a sandbox session of its own, opened by its first request and closed by `/close`. Errors are its
/// own: 511 with the exception that its client shall raise.
final class SweRexRoutes {
  private static final String EXCEPTIONS = "swerex.exceptions.";

  private final Sessions sessions;
  private final Guard guard;

  SweRexRoutes(Sessions sessions, Guard guard) {
    this.sessions = sessions;
    this.guard = guard;
  }

  /// What a client of SWE-ReX shall raise.
  private static final class Raised extends Exception {
    private static final long serialVersionUID = 1;
    private final String type;

    Raised(String type, String message) {
      super(message);
      this.type = type;
    }
  }

  /// Does what a route is for.
  private interface Work {
    ObjectNode in(Session session, Call call)
        throws Raised, BadRequest, SandboxBusy, Gone, NoFile, InterruptedException;
  }

  void addTo(Endpoints endpoints) {
    endpoints
        .get("/is_alive", call -> Reply.ok(json().put("is_alive", true).put("message", "")))
        .post("/create_session", with(this::createShell))
        .post("/run_in_session", with(this::runInShell))
        .post("/close_session", with(this::closeShell))
        .post("/execute", with(this::execute))
        .post("/read_file", with(this::readFile))
        .post("/write_file", with(this::writeFile))
        .uploads("/upload", with(this::upload))
        .post("/close", this::close);
  }

  private Endpoints.Endpoint with(Work work) {
    return call -> {
      guard.check();
      try {
        return Reply.ok(work.in(sessions.named(name(call), sessions.defaults(call)), call));
      } catch (Raised e) {
        return raised(e.type, String.valueOf(e.getMessage()));
      } catch (NoFile e) {
        String why = String.valueOf(e.getMessage());
        return raised(
            why.contains("No such file") ? "builtins.FileNotFoundError" : "builtins.OSError", why);
      } catch (Gone e) {
        return raised(
            EXCEPTIONS + "SwerexException", "the sandbox session ended: " + e.getMessage());
      }
    };
  }

  private static Reply raised(String type, String message) {
    ObjectNode json = json();
    ObjectNode exception = json.putObject("swerexception");
    exception.put("message", message).put("class_path", type).put("traceback", "");
    exception.putObject("extra_info");
    return Reply.json(511, json);
  }

  private static ObjectNode json() {
    return JsonNodeFactory.instance.objectNode();
  }

  /// The name of the session that a key opens; nobody can tell the key from it.
  private static String name(Call call) throws BadRequest {
    String key = call.header("x-api-key").orElse("");
    if (key.isEmpty()) throw BadRequest.of("X-API-Key", "Header required: it names the sandbox");
    try {
      byte[] digest = MessageDigest.getInstance("SHA-256").digest(key.getBytes(UTF_8));
      return "swerex-" + HexFormat.of().formatHex(digest, 0, 12);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }

  private ObjectNode createShell(Session session, Call call)
      throws Raised, BadRequest, SandboxBusy, Gone, NoFile, InterruptedException {
    SessionReader body = SessionReader.of(call.body());
    String shell = body.text("session", "default");
    List<String> sources = body.strings("startup_source");
    body.check();
    if (!session.shells().add(shell))
      throw new Raised(EXCEPTIONS + "SessionExistsError", "session " + shell + " already exists");
    StringBuilder output = new StringBuilder();
    output.append(session.shell(shell, ":", SessionReader.TIMEOUT, true).output());
    for (String source : sources) {
      String command = "source '" + source.replace("'", "'\\''") + "'";
      output.append(session.shell(shell, command, SessionReader.TIMEOUT, true).output());
    }
    return json().put("output", output.toString()).put("session_type", "bash");
  }

  private ObjectNode runInShell(Session session, Call call)
      throws Raised, BadRequest, SandboxBusy, Gone, NoFile, InterruptedException {
    SessionReader body = SessionReader.of(call.body());
    String shell = body.text("session", "default");
    boolean interrupt = body.text("action_type", "bash").equals("bash_interrupt");
    String command = interrupt ? ":" : body.text("command");
    String check = body.text("check", "raise");
    Duration timeout = body.seconds("timeout", Limits.MAX_RUN_TIMEOUT, Limits.MAX_RUN_TIMEOUT);
    body.check();
    if (!session.shells().contains(shell))
      throw new Raised(
          EXCEPTIONS + "SessionDoesNotExistError", "session " + shell + " does not exist");
    Session.ShellResult result = session.shell(shell, command, timeout, true);
    if (result.timedOut())
      throw new Raised(
          EXCEPTIONS + "CommandTimeoutError",
          "timeout after %s s while running command %s, output so far: %s"
              .formatted(timeout.toMillis() / 1e3, command, result.output()));
    int code = result.code().orElse(-1);
    if (check.equals("raise") && code != 0 && !interrupt)
      throw new Raised(
          EXCEPTIONS + "NonZeroExitCodeError",
          "Command %s failed with exit code %d. Here is the output:%n%s"
              .formatted(command, code, result.output()));
    ObjectNode json = json().put("output", result.output());
    if (check.equals("ignore")) json.putNull("exit_code");
    else json.put("exit_code", code);
    return json.put("failure_reason", "").put("expect_string", "").put("session_type", "bash");
  }

  private ObjectNode closeShell(Session session, Call call)
      throws Raised, BadRequest, SandboxBusy, Gone, InterruptedException {
    SessionReader body = SessionReader.of(call.body());
    String shell = body.text("session", "default");
    body.check();
    if (!session.shells().remove(shell))
      throw new Raised(
          EXCEPTIONS + "SessionDoesNotExistError", "session " + shell + " does not exist");
    session.closeShell(shell);
    return json().put("session_type", "bash");
  }

  private ObjectNode execute(Session session, Call call)
      throws Raised, BadRequest, SandboxBusy, Gone, InterruptedException {
    SessionReader body = SessionReader.of(call.body());
    Session.Command command = body.execute();
    CommandResult result = session.exec(command);
    if (result.status() == CommandResult.Status.TIME_LIMIT_EXCEEDED)
      throw new Raised(
          EXCEPTIONS + "CommandTimeoutError",
          "Timeout (%s s) exceeded while running command"
              .formatted(command.timeout().toMillis() / 1e3));
    int code = result.returnCode().orElse(-1);
    if (body.flag("check") && code != 0)
      throw new Raised(
          EXCEPTIONS + "NonZeroExitCodeError",
          "Command failed with exit code %d. Stdout:%n%s%nStderr:%n%s"
              .formatted(code, result.stdout(), result.stderr()));
    boolean merged = body.flag("merge_output_streams");
    return json()
        .put("stdout", merged ? result.stdout() + result.stderr() : result.stdout())
        .put("stderr", merged ? "" : result.stderr())
        .put("exit_code", code);
  }

  private ObjectNode readFile(Session session, Call call)
      throws BadRequest, SandboxBusy, Gone, NoFile, InterruptedException {
    SessionReader body = SessionReader.of(call.body());
    String path = body.text("path");
    body.check();
    return json().put("content", new String(session.read(path), UTF_8));
  }

  private ObjectNode writeFile(Session session, Call call)
      throws BadRequest, SandboxBusy, Gone, NoFile, InterruptedException {
    SessionReader body = SessionReader.of(call.body());
    String path = body.text("path");
    String content = body.text("content");
    body.check();
    session.write(path, content.getBytes(UTF_8));
    return json();
  }

  private ObjectNode upload(Session session, Call call)
      throws BadRequest, SandboxBusy, Gone, NoFile, InterruptedException {
    String target = Optional.ofNullable(call.form().get("target_path")).orElse("");
    if (target.isEmpty() || call.uploads().size() != 1)
      throw BadRequest.of("file", "A form with one file and a target_path is required");
    FileUpload upload = call.uploads().getFirst();
    byte[] content;
    try {
      content = Files.readAllBytes(Path.of(upload.uploadedFileName()));
    } catch (IOException e) {
      throw new NoFile("the uploaded file cannot be read: " + e.getMessage());
    }
    if (!"true".equalsIgnoreCase(call.form().get("unzip"))) {
      session.write(target, content);
      return json();
    }
    String archive = "/tmp/.upload.zip";
    session.write(archive, content);
    List<String> unzip = List.of("/usr/bin/python3", "-I", "-m", "zipfile", "-e", archive, target);
    CommandResult result =
        session.exec(new Session.Command(unzip, "", SessionReader.TIMEOUT, "/workspace", Map.of()));
    if (!result.succeeded()) throw new NoFile("the archive was not unpacked: " + result.stderr());
    return json();
  }

  private Reply close(Call call) throws BadRequest {
    sessions.close(name(call), "its SWE-ReX client closed it");
    return Reply.ok(json());
  }
}
