package dev.turnstone.sandbox;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.sandbox.egress.AllowList;
import dev.turnstone.sandbox.jail.Answer;
import dev.turnstone.sandbox.jail.Jail;
import dev.turnstone.sandbox.jail.Limits;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;

/// One jail that lives from call to call: its workspace, its Python process, its shells.
///
/// Calls are done one at a time, in order. What a program does to its jail ends the session at
/// worst.
final class Session implements AutoCloseable {
  /// The session has ended; why.
  static final class Gone extends Exception {
    private static final long serialVersionUID = 1;

    Gone(String message) {
      super(message);
    }
  }

  /// A file could not be read or written; why.
  static final class NoFile extends Exception {
    private static final long serialVersionUID = 1;

    NoFile(String message) {
      super(message);
    }
  }

  /// @param timeout wall-clock time
  /// @param cwd where it starts; empty for `/workspace`
  record Command(
      List<String> argv, String stdin, Duration timeout, String cwd, Map<String, String> env) {}

  /// Whether a shell took a command, and what came of it.
  ///
  /// @param timedOut it was interrupted
  /// @param ended the shell did not survive
  record ShellResult(boolean timedOut, boolean ended, Optional<Integer> code, String output) {}

  private static final ObjectMapper JSON = new ObjectMapper();

  /// What [#cancel] knows the call by that this thread makes.
  private static final ThreadLocal<Object> CALL = ThreadLocal.withInitial(Object::new);

  private static final Duration FILE_TIMEOUT = Duration.ofSeconds(30);

  /// What a call takes beyond its program's own time.
  private static final Duration MARGIN = Limits.COLLECT.plusSeconds(2);

  private final String id;
  private final Jail jail;
  private final SessionOptions options;
  private final long watched;
  private final Instant opened = Instant.now();
  private final ReentrantLock turn = new ReentrantLock(true);
  private final Set<String> shells = ConcurrentHashMap.newKeySet();

  /// The calls that wait for their turn.
  private final Map<Object, Thread> waiting = new ConcurrentHashMap<>();

  private volatile Instant lastUsed = opened;
  private volatile String ended = "";

  Session(String id, Jail jail, SessionOptions options, long watched) {
    this.id = id;
    this.jail = jail;
    this.options = options;
    this.watched = watched;
  }

  String id() {
    return id;
  }

  AllowList network() {
    return options.network();
  }

  /// Names of the shells that a client has created and not closed.
  Set<String> shells() {
    return shells;
  }

  ObjectNode json() {
    ObjectNode json = JsonNodeFactory.instance.objectNode().put("id", id);
    json.put("workspace", "/workspace").put("opened", opened.toString());
    json.put("last_used", lastUsed.toString()).put("expires", expires().toString());
    return json.put("memory_limit_MB", options.memoryMb());
  }

  private Instant expires() {
    Instant unused = lastUsed.plus(options.idle());
    Instant old = opened.plus(options.ttl());
    return unused.isBefore(old) ? unused : old;
  }

  /// Why it shall be closed now; empty while it may live. A call that runs keeps it from being
  /// idle.
  Optional<String> overdue(Instant now) {
    if (!ended.isEmpty()) return Optional.of(ended);
    if (now.isAfter(opened.plus(options.ttl())))
      return Optional.of("it has lived for its ttl_s of %d s".formatted(options.ttl().toSeconds()));
    if (!turn.isLocked() && now.isAfter(lastUsed.plus(options.idle())))
      return Optional.of("it was idle for %d s".formatted(options.idle().toSeconds()));
    return Optional.empty();
  }

  CommandResult exec(Command command) throws SandboxBusy, Gone, InterruptedException {
    ObjectNode header = exec(command.timeout());
    Asking.names(header.putArray("run"), command.argv());
    header.put("cwd", command.cwd());
    ObjectNode environment = header.putObject("environment");
    options.environment().forEach(environment::put);
    command.env().forEach(environment::put);
    return result(
        ask(header, List.of(Asking.bytes(command.stdin())), command.timeout(), chunk -> {}));
  }

  /// Names the call that this thread is about to make, for its canceller.
  static void name(Object call) {
    CALL.set(call);
  }

  /// Ends what a call runs, as its time limit would, or keeps it from starting; the session goes
  /// on.
  void cancel(Object call) {
    waiting.computeIfPresent(
        call,
        (c, thread) -> {
          thread.interrupt();
          return null;
        });
    jail.cancel(call);
  }

  private ObjectNode exec(Duration timeout) {
    ObjectNode header = Asking.operation("exec");
    header.set("limits", Asking.limits(timeout, options.memoryMb(), watched, false));
    return header;
  }

  private CommandResult result(Answer answer) {
    JsonNode report = answer.header();
    List<byte[]> outputs = answer.fields();
    return CommandResult.of(
        report, outputs.get(0), outputs.get(1), jail::ranOutOfMemory, options.memoryMb());
  }

  /// One cell of the session's Python process, which starts with its first cell.
  ///
  /// @return `{"status","execution_time","stdout","stderr","display","error","restarted"}`
  ObjectNode cell(String code, Duration timeout) throws SandboxBusy, Gone, InterruptedException {
    ObjectNode header =
        Cells.header(List.of(code), Duration.ZERO, timeout, options.memoryMb(), watched, false);
    Answer answer = ask(header, List.of(Asking.bytes(code)), timeout, chunk -> {});
    JsonNode report = answer.header();
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    boolean timedOut = report.get("timed_out").asBoolean();
    boolean died = report.get("died").asBoolean();
    JsonNode cell = Cells.json(answer).get(0);
    boolean failed = died || !cell.get("error").isEmpty();
    json.put("status", timedOut ? "TimeLimitExceeded" : failed ? "Error" : "Finished");
    json.put("execution_time", report.get("seconds").asDouble());
    json.setAll((ObjectNode) cell);
    if (died && (report.get("over_memory").asBoolean() || jail.ranOutOfMemory()))
      json.put("stderr", cell.get("stderr").asText() + Asking.outOfMemory(options.memoryMb()));
    return json.put("restarted", died);
  }

  /// A command of a bash that keeps its folder and variables.
  ///
  /// @param create whether to start the shell if there is none of this name
  ShellResult shell(String name, String command, Duration timeout, boolean create)
      throws SandboxBusy, Gone, NoFile, InterruptedException {
    ObjectNode header = Asking.operation("shell").put("shell", name).put("create", create);
    header.set("limits", Asking.limits(timeout, options.memoryMb(), watched, false));
    ObjectNode environment = header.putObject("environment");
    options.environment().forEach(environment::put);
    Answer answer = ask(header, List.of(Asking.bytes(command)), timeout, chunk -> {});
    JsonNode report = answer.header();
    if (report.has("error")) throw new NoFile(report.get("error").asText());
    boolean ended = report.get("ended").asBoolean();
    JsonNode code = report.get("code");
    String output = new String(answer.fields().getFirst(), UTF_8);
    return new ShellResult(
        code.isNull(), ended, code.isNull() ? Optional.empty() : Optional.of(code.asInt()), output);
  }

  /// Ends a shell; false if there was none of this name.
  boolean closeShell(String name) throws SandboxBusy, Gone, InterruptedException {
    ObjectNode header = Asking.operation("close_shell").put("shell", name);
    return ask(header, List.of(), FILE_TIMEOUT, chunk -> {}).header().path("closed").asBoolean();
  }

  byte[] read(String path) throws SandboxBusy, Gone, NoFile, InterruptedException {
    ByteArrayOutputStream content = new ByteArrayOutputStream();
    ObjectNode header = task("read", path).put("limit", Limits.FETCHED).put("stream", true);
    file(ask(header, List.of(new byte[0]), FILE_TIMEOUT, content::writeBytes));
    return content.toByteArray();
  }

  void write(String path, byte[] content) throws SandboxBusy, Gone, NoFile, InterruptedException {
    file(ask(task("write", path), List.of(content), FILE_TIMEOUT, chunk -> {}));
  }

  /// `[{"name","type","size","modified"}]`, by name.
  JsonNode list(String path) throws SandboxBusy, Gone, NoFile, InterruptedException {
    ByteArrayOutputStream content = new ByteArrayOutputStream();
    ObjectNode header = task("list", path).put("limit", Limits.LISTED).put("stream", true);
    file(ask(header, List.of(new byte[0]), FILE_TIMEOUT, content::writeBytes));
    try {
      return JSON.readTree(content.toString(UTF_8));
    } catch (JsonProcessingException e) {
      throw new NoFile(path + ": the list is no list");
    }
  }

  private ObjectNode task(String name, String path) {
    return exec(FILE_TIMEOUT).put("task", name).put("path", path);
  }

  private void file(Answer answer) throws NoFile {
    CommandResult result = result(answer);
    if (result.succeeded()) return;
    String why = result.stderr().strip();
    throw new NoFile(why.isEmpty() ? "the file could not be reached in time" : why);
  }

  /// A folder as a tar, piece by piece.
  void snapshot(String path, Consumer<byte[]> pieces)
      throws SandboxBusy, Gone, NoFile, InterruptedException {
    ObjectNode header = exec(FILE_TIMEOUT.multipliedBy(4)).put("stream", true).put("cwd", path);
    Asking.names(
        header.putArray("run"), List.of("/usr/bin/tar", "-c", "--ignore-failed-read", "."));
    file(ask(header, List.of(new byte[0]), FILE_TIMEOUT.multipliedBy(4), pieces));
  }

  /// Unpacks a tar, compressed or not, into a folder.
  void upload(String path, byte[] tar) throws SandboxBusy, Gone, NoFile, InterruptedException {
    ObjectNode header = exec(FILE_TIMEOUT.multipliedBy(4)).put("cwd", "/workspace");
    String unpack = "/usr/bin/mkdir -p -- \"$0\" && exec /usr/bin/tar -x --no-same-owner -C \"$0\"";
    Asking.names(header.putArray("run"), List.of("/usr/bin/bash", "-c", unpack, path));
    file(ask(header, List.of(tar), FILE_TIMEOUT.multipliedBy(4), chunk -> {}));
  }

  private Answer ask(
      ObjectNode header, List<byte[]> fields, Duration timeout, Consumer<byte[]> chunks)
      throws SandboxBusy, Gone, InterruptedException {
    Object call = CALL.get();
    awaitTurn(call);
    try {
      if (!ended.isEmpty()) throw new Gone(ended);
      lastUsed = Instant.now();
      return checked(jail.ask(call, header, fields, timeout.plus(MARGIN), chunks));
    } catch (TimeoutException e) {
      throw gone("its worker did not answer in time");
    } catch (IOException e) {
      throw gone(
          jail.ranOutOfMemory()
              ? "it ran out of its %d MiB of memory".formatted(options.memoryMb())
              : "its jail was killed from outside");
    } catch (InterruptedException e) {
      ended = "a client went away during a call";
      throw e;
    } finally {
      lastUsed = Instant.now();
      turn.unlock();
    }
  }

  private void awaitTurn(Object call) throws SandboxBusy, InterruptedException {
    waiting.put(call, Thread.currentThread());
    boolean cancelled = false;
    boolean locked = false;
    try {
      locked = turn.tryLock(options.queueWait().toNanos(), TimeUnit.NANOSECONDS);
      cancelled = waiting.remove(call) == null;
    } catch (InterruptedException e) {
      cancelled = waiting.remove(call) == null;
      if (!cancelled) throw e;
    }
    if (cancelled) {
      boolean _ = Thread.interrupted(); // its canceller's, if the turn came at the same moment
      if (locked) turn.unlock();
      throw new SandboxBusy("the call was cancelled before its turn came");
    }
    if (!locked) throw new SandboxBusy("the session's last call still runs");
  }

  /// A worker that cannot do what it is asked for any more, because no process can be started, say.
  private Answer checked(Answer answer) throws Gone {
    boolean broken = answer.header().has("error") && answer.fields().isEmpty();
    if (broken && !answer.header().get("error").asText().startsWith("there is no shell"))
      throw gone("its worker failed: " + answer.header().get("error").asText());
    return answer;
  }

  private Gone gone(String why) {
    ended = why;
    jail.close();
    return new Gone(why);
  }

  /// Kills all that is in the jail, also a call that runs.
  @Override
  public void close() {
    if (ended.isEmpty()) ended = "it was closed";
    jail.close();
  }
}
