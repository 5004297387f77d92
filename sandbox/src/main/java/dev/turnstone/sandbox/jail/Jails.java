package dev.turnstone.sandbox.jail;

import dev.turnstone.sandbox.egress.AllowList;
import java.nio.file.Path;
import java.util.Optional;

/// Where jails come from: one kind of isolation on this machine.
public interface Jails extends AutoCloseable {
  /// A virgin jail, which the caller must close. Blocks for some milliseconds.
  Jail open() throws JailLost, InterruptedException;

  /// The same with a way out to some hosts.
  ///
  /// @throws UnsupportedOperationException this kind of isolation has none
  default Jail open(AllowList network) throws JailLost, InterruptedException {
    throw new UnsupportedOperationException(describe() + " has no network list");
  }

  /// Such as `bubblewrap + seccomp`.
  String describe();

  /// Who counts the memory and the processes of a whole jail.
  Cgroups cgroups();

  /// A folder of ours, gone after closing, for files that clients send in forms.
  Path uploads();

  /// A folder of ours that programs see as `/cache`, read-only; empty where there is none.
  default Optional<Path> cache() {
    return Optional.empty();
  }

  /// Ends what starts jails, and with it every jail.
  @Override
  void close() throws SandboxException;
}
