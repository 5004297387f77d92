package dev.turnstone.sandbox;

import dev.turnstone.sandbox.egress.AllowList;
import dev.turnstone.sandbox.jail.Limits;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/// One program to run.
///
/// @param compileTimeout wall-clock time of its compiler
/// @param runTimeout wall-clock time from the program's start
/// @param memoryMb what all its processes may hold together, in MiB
/// @param files what lies in the jail before the program starts, by path relative to `/workspace`
/// @param fetchFiles paths to bring back after it has ended; those that are not there are left out
/// @param network the hosts that it may reach
record RunRequest(
    Language language,
    String code,
    String stdin,
    Duration compileTimeout,
    Duration runTimeout,
    int memoryMb,
    Map<String, byte[]> files,
    List<String> fetchFiles,
    AllowList network) {
  /// A program with default limits and no files.
  static RunRequest of(Language language, String code) {
    return new RunRequest(
        language,
        code,
        "",
        Limits.RUN_TIMEOUT,
        Limits.RUN_TIMEOUT,
        Limits.MEMORY_MB,
        Map.of(),
        List.of(),
        AllowList.NONE);
  }

  RunRequest within(Duration timeout) {
    return new RunRequest(
        language, code, stdin, compileTimeout, timeout, memoryMb, files, fetchFiles, network);
  }

  RunRequest memory(int megabytes) {
    return new RunRequest(
        language, code, stdin, compileTimeout, runTimeout, megabytes, files, fetchFiles, network);
  }
}
