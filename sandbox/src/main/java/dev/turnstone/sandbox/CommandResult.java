package dev.turnstone.sandbox;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.OptionalInt;
import java.util.function.BooleanSupplier;

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
  /// @param outOfMemory whether the kernel killed for memory, asked only if it may have
  /// @param memoryMb what the program might use
  static CommandResult of(
      JsonNode report, byte[] stdout, byte[] stderr, BooleanSupplier outOfMemory, int memoryMb) {
    boolean ended = report.get("code").isInt();
    OptionalInt code = ended ? OptionalInt.of(report.get("code").intValue()) : OptionalInt.empty();
    boolean killed = code.equals(OptionalInt.of(-SIGKILL));
    boolean memory =
        killed && (report.path("over_memory").asBoolean() || outOfMemory.getAsBoolean());
    String errors = new String(stderr, UTF_8);
    String apart = errors.isEmpty() || errors.endsWith("\n") ? "" : "\n";
    return new CommandResult(
        ended ? Status.FINISHED : Status.TIME_LIMIT_EXCEEDED,
        report.get("seconds").asDouble(),
        code,
        new String(stdout, UTF_8),
        memory ? errors + apart + Asking.outOfMemory(memoryMb) : errors);
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
