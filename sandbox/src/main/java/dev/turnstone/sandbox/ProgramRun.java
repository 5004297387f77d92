package dev.turnstone.sandbox;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.sandbox.jail.Answer;
import dev.turnstone.sandbox.jail.Jail;
import dev.turnstone.sandbox.jail.JailLost;
import dev.turnstone.sandbox.jail.Limits;
import java.io.EOFException;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.TimeoutException;

/// One program in a virgin jail, from its files to its result.
final class ProgramRun {
  private final RunRequest request;
  private final Jail jail;

  ProgramRun(RunRequest request, Jail jail) {
    this.request = request;
    this.jail = jail;
  }

  /// Runs it to its end or its limit. Interrupting the caller kills the jail.
  RunResponse run() throws JailLost, InterruptedException {
    ObjectNode header = header(jail.limitMemory((long) request.memoryMb() << 20));
    Optional<Answer> early = jail.begin(header, fields());
    if (early.isPresent()) return response(early.get());
    long started = System.nanoTime();
    Duration limit = request.runTimeout().plus(Limits.COLLECT);
    if (!request.language().compile().isEmpty()) limit = limit.plus(request.compileTimeout());
    try {
      return response(jail.end(limit));
    } catch (TimeoutException e) {
      return unanswered((System.nanoTime() - started) / 1e9);
    } catch (EOFException e) {
      return RunResponse.sandboxError(
          jail.ranOutOfMemory()
              ? "the jail itself ran out of its memory while the program ran"
              : "the jail was killed from outside while the program ran, most likely by the"
                  + " kernel's out-of-memory killer");
    } catch (IOException e) {
      return RunResponse.sandboxError("the jail did not answer as it should: " + e.getMessage());
    }
  }

  private ObjectNode header(long watched) {
    Language language = request.language();
    int addressSpace = language.reserves() ? 0 : request.memoryMb();
    ObjectNode header = Asking.operation("run").put("path", language.file());
    header.put("language", language.run().isEmpty() ? Language.PYTHON : language.label());
    Asking.names(header.putArray("files"), request.files().keySet());
    Asking.names(header.putArray("fetch"), request.fetchFiles());
    header.put("fetch_limit", Limits.FETCHED);
    language
        .compileCommand()
        .ifPresentOrElse(
            command -> Asking.names(header.putArray("compile"), command),
            () -> header.putNull("compile"));
    long compiling = watched == 0 ? 0 : Math.max(watched, Limits.COMPILE_MEMORY);
    header.set("compile_limits", Asking.limits(request.compileTimeout(), 0, compiling, true));
    Asking.names(header.putArray("run"), language.runCommand(request.memoryMb()));
    header.set("limits", Asking.limits(request.runTimeout(), addressSpace, watched, true));
    ObjectNode environment = header.putObject("environment");
    language.environment().forEach(environment::put);
    return header;
  }

  private List<byte[]> fields() {
    List<byte[]> fields = new ArrayList<>();
    fields.add(Asking.bytes(request.code()));
    fields.add(Asking.bytes(request.stdin()));
    fields.addAll(request.files().values());
    return fields;
  }

  private RunResponse response(Answer answer) {
    JsonNode header = answer.header();
    if (header.has("error")) return RunResponse.sandboxError(header.get("error").asText());
    int next = 0;
    Optional<CommandResult> compile = Optional.empty();
    Optional<CommandResult> run = Optional.empty();
    if (header.get("compile").isObject()) {
      compile = Optional.of(result(header.get("compile"), answer.fields(), next));
      next += 2;
    }
    if (header.get("run").isObject()) {
      run = Optional.of(result(header.get("run"), answer.fields(), next));
      next += 2;
    }
    Asking.Fetched fetched = Asking.fetched(answer, request.fetchFiles(), next);
    return new RunResponse(fetched.refused(), compile, run, fetched.files());
  }

  private CommandResult result(JsonNode report, List<byte[]> fields, int at) {
    return CommandResult.of(
        report, fields.get(at), fields.get(at + 1), jail::ranOutOfMemory, request.memoryMb());
  }

  /// The program kept even its worker from answering in time.
  private static RunResponse unanswered(double seconds) {
    CommandResult late =
        new CommandResult(
            CommandResult.Status.TIME_LIMIT_EXCEEDED, seconds, OptionalInt.empty(), "", "");
    return new RunResponse("", Optional.empty(), Optional.of(late), Map.of());
  }
}
