package dev.turnstone.sandbox;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Map;
import java.util.Optional;

/// The answer to `POST /run_code`.
///
/// @param message what the client should know beyond the result; mostly empty
/// @param run empty if the sandbox failed, which is no fault of the program
/// @param files the fetched files by the names that the request gave them
record RunResponse(String message, Optional<CommandResult> run, Map<String, byte[]> files) {
  static RunResponse sandboxError(String message) {
    return new RunResponse(message, Optional.empty(), Map.of());
  }

  String status() {
    return run.map(result -> result.succeeded() ? "Success" : "Failed").orElse("SandboxError");
  }

  ObjectNode json() {
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    json.put("status", status()).put("message", message).putNull("compile_result");
    run.ifPresentOrElse(
        result -> json.set("run_result", result.json()), () -> json.putNull("run_result"));
    ObjectNode fetched = json.putNull("executor_pod_name").putObject("files");
    files.forEach(fetched::put);
    return json;
  }
}
