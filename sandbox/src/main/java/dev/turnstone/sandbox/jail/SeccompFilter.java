package dev.turnstone.sandbox.jail;

import java.util.List;

/// The system calls that a jail refuses, as a BPF program for the kernel.
///
/// A deny-list: allow-lists break numpy and friends. What namespaces do not confine (keyrings,
/// io_uring, BPF, vsock, memory that no limit counts) or what makes new attack surface (mounts,
/// nested namespaces, ptrace) answers EPERM; calls newer than this list answer ENOSYS, as on an
/// older kernel.
public final class SeccompFilter {
  private static final int ALLOW = 0x7fff0000;
  private static final int KILL_PROCESS = 0x80000000;
  private static final int EPERM = 1;
  private static final int ENOSYS = 38;
  private static final int EAFNOSUPPORT = 97;

  /// CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET, NEWTIME.
  private static final int CLONE_NEW = 0x7e020080;

  private static final int TIOCSTI = 0x5412;
  private static final int TIOCLINUX = 0x541c;
  private static final int AF_UNIX = 1;
  private static final int AF_INET = 2;
  private static final int AF_INET6 = 10;
  private static final int AF_NETLINK = 16;

  /// The first number that this list does not know: the same on both architectures since Linux 5.1.
  private static final int UNKNOWN = 463;

  private SeccompFilter() {}

  /// The filter for a machine, named as the JVM names it in `os.arch`.
  public static byte[] forMachine(String osArch) throws SandboxException {
    return switch (osArch) {
      case "amd64", "x86_64" -> program(0xc000003e, Syscall::x86);
      case "aarch64" -> program(0xc00000b7, Syscall::arm);
      default ->
          throw new SandboxException(
              "the sandbox has no seccomp filter for " + osArch + ": use x86-64 or aarch64");
    };
  }

  private static byte[] program(int auditArchitecture, Syscall.Numbers numbers) {
    BpfProgram p = new BpfProgram();
    p.load(BpfProgram.ARCHITECTURE).ifEqualSkip(auditArchitecture, 1).answer(KILL_PROCESS);
    // Also refuses the x32 calls of x86-64, whose numbers have bit 30 set.
    p.load(BpfProgram.NUMBER).unlessAtLeastSkip(UNKNOWN, 1).answer(errno(ENOSYS));
    for (Syscall call : Syscall.DENIED)
      numbers.of(call).ifPresent(nr -> p.unlessEqualSkip(nr, 1).answer(errno(EPERM)));
    // glibc falls back to clone, whose flags a filter can read; clone3's are behind a pointer.
    numbers.of(Syscall.CLONE3).ifPresent(nr -> p.unlessEqualSkip(nr, 1).answer(errno(ENOSYS)));
    numbers
        .of(Syscall.CLONE)
        .ifPresent(nr ->
            p.unlessEqualSkip(nr, 4)
                .load(BpfProgram.argument(0))
                .unlessAnyBitSkip(CLONE_NEW, 1)
                .answer(errno(EPERM))
                .answer(ALLOW));
    numbers
        .of(Syscall.IOCTL)
        .ifPresent(nr -> denyIfArgument(p, nr, 1, List.of(TIOCSTI, TIOCLINUX)));
    List<Integer> families = List.of(AF_UNIX, AF_INET, AF_INET6, AF_NETLINK);
    for (Syscall call : List.of(Syscall.SOCKET, Syscall.SOCKETPAIR))
      numbers.of(call).ifPresent(nr -> denyUnlessArgument(p, nr, 0, families, errno(EAFNOSUPPORT)));
    // On oneself only: on process 1 they would slow or kill the worker.
    for (Syscall call : Syscall.ON_ONESELF)
      numbers.of(call).ifPresent(nr -> denyUnlessArgument(p, nr, 0, List.of(0), errno(EPERM)));
    return p.answer(ALLOW).bytes();
  }

  private static void denyIfArgument(BpfProgram p, int nr, int index, List<Integer> values) {
    p.unlessEqualSkip(nr, values.size() + 3).load(BpfProgram.argument(index));
    for (int i = 0; i < values.size(); i++) p.ifEqualSkip(values.get(i), values.size() - i);
    p.answer(ALLOW).answer(errno(EPERM));
  }

  private static void denyUnlessArgument(
      BpfProgram p, int nr, int index, List<Integer> values, int action) {
    p.unlessEqualSkip(nr, values.size() + 3).load(BpfProgram.argument(index));
    for (int i = 0; i < values.size(); i++) p.ifEqualSkip(values.get(i), values.size() - i);
    p.answer(action).answer(ALLOW);
  }

  private static int errno(int error) {
    return 0x00050000 | error;
  }
}
