package dev.turnstone.sandbox;

/// What holds a program.
public enum Isolation {
  /// bubblewrap, namespaces of its own for every jail, seccomp, limits.
  BUBBLEWRAP,
  /// gVisor's `runsc`: a kernel of its own in user space for every jail. Slower, stricter.
  GVISOR,
  /// Only seccomp and limits, in a container that is itself the boundary.
  NONE
}
