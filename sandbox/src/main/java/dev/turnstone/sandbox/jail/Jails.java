package dev.turnstone.sandbox.jail;

import java.nio.file.Path;

/// Where jails come from: one kind of isolation on this machine.
public interface Jails extends AutoCloseable {
  /// A virgin jail, which the caller must close. Blocks for some milliseconds.
  Jail open() throws JailLost, InterruptedException;

  /// Such as `bubblewrap + seccomp`.
  String describe();

  /// Who counts the memory and the processes of a whole jail.
  Cgroups cgroups();

  /// A folder of ours, gone after closing, for files that clients send in forms.
  Path uploads();

  /// Ends what starts jails, and with it every jail.
  @Override
  void close() throws SandboxException;
}
