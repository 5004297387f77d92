package dev.turnstone.sandbox;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.OptionalInt;

/// What a program did, in SandboxFusion's terms.
///
/// @param seconds from its start to its end
/// @param returnCode exit code, −n if signal n ended it; empty if it did not end by itself
record CommandResult(
    Status status, double seconds, OptionalInt returnCode, String stdout, String stderr) {
  private static final int SIGKILL = 9;

  enum Status {
    FINISHED("Finished"),
    TIME_LIMIT_EXCEEDED("TimeLimitExceeded");

    final String label;

    Status(String label) {
      this.label = label;
    }
  }

  /// A worker's report of a program.
  ///
  /// @param memory why it was killed, if memory was the reason; else empty
  static CommandResult of(JsonNode report, byte[] stdout, byte[] stderr, String memory) {
    boolean ended = report.get("code").isInt();
    OptionalInt code = ended ? OptionalInt.of(report.get("code").intValue()) : OptionalInt.empty();
    boolean killed = code.equals(OptionalInt.of(-SIGKILL)) && !memory.isEmpty();
    String errors = new String(stderr, UTF_8);
    return new CommandResult(
        ended ? Status.FINISHED : Status.TIME_LIMIT_EXCEEDED,
        report.get("seconds").asDouble(),
        code,
        new String(stdout, UTF_8),
        killed
            ? errors + (errors.isEmpty() || errors.endsWith("\n") ? "" : "\n") + memory
            : errors);
  }

  boolean succeeded() {
    return status == Status.FINISHED && returnCode.equals(OptionalInt.of(0));
  }

  ObjectNode json() {
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    json.put("status", status.label).put("execution_time", seconds);
    returnCode.ifPresentOrElse(
        code -> json.put("return_code", code), () -> json.putNull("return_code"));
    return json.put("stdout", stdout).put("stderr", stderr);
  }
}
