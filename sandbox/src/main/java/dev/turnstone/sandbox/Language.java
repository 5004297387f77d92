package dev.turnstone.sandbox;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/// A language that programs may be written in, and how it is run here.
///
/// @param label as SandboxFusion names it
/// @param file where the program's text lies in its jail
/// @param compile the command that comes first; empty if there is none
/// @param run the command that runs it; `MEMORY` in it stands for three quarters of the memory
///   limit in MiB. Empty for python, whose programs run in a process forked from a warm interpreter
/// @param reserves whether it reserves more address space than it uses, so that no limit of that
///   can hold it
/// @param version as the toolchain tells it
record Language(
    String label,
    String file,
    List<String> compile,
    List<String> run,
    Map<String, String> environment,
    boolean reserves,
    String version) {
  static final String PYTHON = "python";
  static final String BASH = "bash";

  Optional<List<String>> compileCommand() {
    return compile.isEmpty() ? Optional.empty() : Optional.of(compile);
  }

  List<String> runCommand(int memoryMb) {
    String part = Integer.toString(Math.max(memoryMb * 3 / 4, 16));
    return run.stream().map(word -> word.replace("MEMORY", part)).toList();
  }
}
