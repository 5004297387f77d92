package dev.turnstone.sandbox;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/// The answer to `POST /run_code`.
///
/// @param message what the client should know beyond the results; mostly empty
/// @param compile what the compiler did; empty if there is none
/// @param run what the program did; empty if it did not compile. If both are empty the sandbox
///   failed, which is no fault of the program
/// @param files the fetched files by the names that the request gave them
record RunResponse(
    String message,
    Optional<CommandResult> compile,
    Optional<CommandResult> run,
    Map<String, byte[]> files) {
  static RunResponse sandboxError(String message) {
    return new RunResponse(message, Optional.empty(), Optional.empty(), Map.of());
  }

  String status() {
    if (compile.isEmpty() && run.isEmpty()) return "SandboxError";
    boolean succeeded =
        Stream.of(compile, run).flatMap(Optional::stream).allMatch(CommandResult::succeeded);
    return succeeded ? "Success" : "Failed";
  }

  ObjectNode json() {
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    json.put("status", status()).put("message", message);
    compile.ifPresentOrElse(
        result -> json.set("compile_result", result.json()), () -> json.putNull("compile_result"));
    run.ifPresentOrElse(
        result -> json.set("run_result", result.json()), () -> json.putNull("run_result"));
    ObjectNode fetched = json.putNull("executor_pod_name").putObject("files");
    files.forEach(fetched::put);
    return json;
  }
}
