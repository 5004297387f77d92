package dev.turnstone.sandbox;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.function.Consumer;

/// A hostile program with what it is given.
record Hostile(ObjectNode request) {
  /// `tried(f, …)` gives the name of the error that f ends with, `did` where it ends well.
  private static final String TRIED =
      """
      import ctypes, errno, os, platform, signal, socket, sys
      libc = ctypes.CDLL(None, use_errno=True)
      def tried(f, *a):
          try: f(*a)
          except OSError as e: return errno.errorcode.get(e.errno, str(e))
          return 'did'
      def call(name, *a):
          if getattr(libc, name)(*a) == -1:
              raise OSError(ctypes.get_errno(), name)
      def syscall(x86, arm, *a):
          call('syscall', arm if platform.machine() == 'aarch64' else x86, *a)
      """;

  static Hostile python(String code) {
    return new Hostile(RunningSandbox.request("python", code));
  }

  static Hostile bash(String code) {
    return new Hostile(RunningSandbox.request("bash", code));
  }

  /// Prints the value of an expression in which `tried`, `call` and `syscall` stand.
  static Hostile tries(String expression) {
    return python(TRIED + "print(" + expression + ")");
  }

  Hostile within(double seconds) {
    request.put("run_timeout", seconds);
    return this;
  }

  Hostile memory(int megabytes) {
    request.put("memory_limit_MB", megabytes);
    return this;
  }

  Hostile stdin(String text) {
    request.put("stdin", text);
    return this;
  }

  Hostile fetching(String... files) {
    for (String file : files) request.withArray("fetch_files").add(file);
    return this;
  }

  Hostile file(String path, String content) {
    request.withObject("files").put(path, RunningSandbox.base64(content));
    return this;
  }

  /// Runs it and asserts on the response.
  void ends(Consumer<JsonNode> outcome) {
    outcome.accept(RunningSandbox.shared().run(request));
  }
}
