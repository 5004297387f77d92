package dev.turnstone.sandbox;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.OptionalInt;

/// What a program did, in SandboxFusion's terms.
///
/// @param seconds from its start to its end
/// @param returnCode exit code, −n if signal n ended it; empty if it did not end by itself
record CommandResult(
    Status status, double seconds, OptionalInt returnCode, String stdout, String stderr) {
  enum Status {
    FINISHED("Finished"),
    TIME_LIMIT_EXCEEDED("TimeLimitExceeded");

    final String label;

    Status(String label) {
      this.label = label;
    }
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
