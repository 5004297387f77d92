package dev.turnstone.envadapters.peer;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// What a sandbox says about one run, read from SandboxFusion's `RunCodeResponse`.
public sealed interface SandboxReply {
  /// Exit code 0.
  ///
  /// @param output standard output without its trailing line end
  record Success(String output) implements SandboxReply {}

  /// The program, or its compiler, failed.
  ///
  /// @param output standard output, then standard error
  record Failure(String output, String why) implements SandboxReply {}

  /// The sandbox failed.
  record Broken(String why) implements SandboxReply {}

  static SandboxReply parse(String body) throws JsonText.Unreadable {
    JsonNode reply = JsonText.read(body);
    return switch (reply.path("status").asText()) {
      case "Success" -> new Success(chomp(reply.path("run_result").path("stdout").asText("")));
      case "Failed" -> failure(reply);
      case "SandboxError" -> new Broken(reply.path("message").asText(""));
      default -> throw new JsonText.Unreadable("status is " + reply.path("status"));
    };
  }

  private static Failure failure(JsonNode reply) {
    boolean ran = reply.path("run_result").isObject();
    JsonNode result = reply.path(ran ? "run_result" : "compile_result");
    String output =
        Stream.of("stdout", "stderr")
            .map(stream -> chomp(result.path(stream).asText("")))
            .filter(text -> !text.isEmpty())
            .collect(Collectors.joining("\n"));
    String what = ran ? "" : "compiler: ";
    return result.path("status").asText().equals("TimeLimitExceeded")
        ? new Failure(output, what + "time limit exceeded")
        : new Failure(output, what + "exit code " + result.path("return_code").asText("unknown"));
  }

  private static String chomp(String text) {
    int end = text.length();
    while (end > 0 && (text.charAt(end - 1) == '\n' || text.charAt(end - 1) == '\r')) end--;
    return text.substring(0, end);
  }
}
