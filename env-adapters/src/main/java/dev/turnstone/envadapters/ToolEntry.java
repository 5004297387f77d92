package dev.turnstone.envadapters;

import dev.turnstone.rollout.Json;
import java.util.Locale;

/// A tool as it is registered: what the policy sees of it and where it answers.
public sealed interface ToolEntry {
  String name();

  String description();

  Endpoint endpoint();

  /// Characters of an answer that the policy sees at most; a note says how much was cut.
  int maxOutputChars();

  /// Runs code in a sandbox service that speaks SandboxFusion's `POST {url}/run_code`.
  ///
  /// @param language as the service names it
  /// @param argument name of the tool's one argument, the code
  /// @param memoryLimitMb of one program
  record Sandbox(
      String name,
      String description,
      Endpoint endpoint,
      int maxOutputChars,
      String language,
      String argument,
      int memoryLimitMb)
      implements ToolEntry {}

  /// Sends the arguments as a JSON body and shows the answer.
  ///
  /// @param parameters JSON Schema of the arguments object
  /// @param idempotent whether a call may be repeated and may run beside others of its turn
  record Http(
      String name,
      String description,
      Endpoint endpoint,
      int maxOutputChars,
      Method method,
      Json parameters,
      boolean idempotent,
      OnTimeout onTimeout)
      implements ToolEntry {}

  /// Methods that carry a body.
  enum Method {
    POST,
    PUT,
    PATCH
  }

  /// What it means that an HTTP tool did not answer within its own timeout.
  enum OnTimeout {
    /// The environment is broken.
    ENVIRONMENT_LOST,
    /// The policy asked for too much; it sees so.
    TOOL_ERROR;

    String wire() {
      return name().toLowerCase(Locale.ROOT);
    }
  }
}
