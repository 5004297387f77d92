package dev.turnstone.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.turnstone.sandbox.jail.SandboxException;
import dev.turnstone.sandbox.jail.SeccompFilter;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Runs the filters of both architectures as the kernel would.
final class SeccompFilterTest {
  private static final int X86 = 0xc000003e;
  private static final int ARM = 0xc00000b7;

  @ParameterizedTest
  @CsvSource({
    // architecture, number, argument 0, argument 1, outcome
    "amd64,   0,    0, 0, allow", // read
    "amd64,   9,    0, 0, allow", // mmap
    "amd64,   165,  0, 0, 1", // mount
    "amd64,   101,  0, 0, 1", // ptrace
    "amd64,   319,  0, 0, 1", // memfd_create
    "amd64,   56,   17, 0, allow", // clone with SIGCHLD: fork
    "amd64,   56,   0x3d0f00, 0, allow", // clone as pthread_create calls it
    "amd64,   56,   0x10000000, 0, 1", // clone with CLONE_NEWUSER
    "amd64,   56,   0x80, 0, 1", // clone with CLONE_NEWTIME
    "amd64,   435,  0, 0, 38", // clone3
    "amd64,   16,   0, 0x5401, allow", // ioctl TCGETS
    "amd64,   16,   0, 0x5412, 1", // ioctl TIOCSTI
    "amd64,   16,   0, 0x541c, 1", // ioctl TIOCLINUX
    "amd64,   41,   2, 1, allow", // socket AF_INET
    "amd64,   41,   1, 1, allow", // socket AF_UNIX
    "amd64,   41,   16, 3, allow", // socket AF_NETLINK
    "amd64,   41,   40, 1, 97", // socket AF_VSOCK
    "amd64,   41,   38, 5, 97", // socket AF_ALG
    "amd64,   302,  0, 7, allow", // prlimit64 on oneself
    "amd64,   302,  1, 7, 1", // prlimit64 on the worker
    "amd64,   141,  0, 0, 1", // setpriority
    "amd64,   462,  0, 0, allow", // the last call that the list knows
    "amd64,   463,  0, 0, 38", // the first that it does not
    "amd64,   0x40000000, 0, 0, 38", // x32 read
    "aarch64, 63,   0, 0, allow", // read
    "aarch64, 40,   0, 0, 1", // mount
    "aarch64, 117,  0, 0, 1", // ptrace
    "aarch64, 220,  17, 0, allow", // clone: fork
    "aarch64, 220,  0x10000000, 0, 1", // clone with CLONE_NEWUSER
    "aarch64, 29,   0, 0x5412, 1", // ioctl TIOCSTI
    "aarch64, 198,  40, 1, 97", // socket AF_VSOCK
    "aarch64, 261,  1, 7, 1", // prlimit64 on the worker
  })
  void answersEachCall(String machine, String number, String first, int second, String outcome)
      throws SandboxException {
    int action =
        run(
            machine,
            machine.equals("amd64") ? X86 : ARM,
            Long.decode(number).intValue(),
            Long.decode(first).intValue(),
            second);

    assertThat(action)
        .isEqualTo(outcome.equals("allow") ? 0x7fff0000 : 0x00050000 | Integer.parseInt(outcome));
  }

  @Test
  void callsOfAnotherArchitectureKill() throws SandboxException {
    assertThat(run("amd64", 0x40000003, 0, 0, 0)).isEqualTo(0x80000000);
  }

  @Test
  void anUnknownMachineIsRefusedInASentence() {
    assertThatThrownBy(() -> SeccompFilter.forMachine("riscv64"))
        .isInstanceOf(SandboxException.class)
        .hasMessage("the sandbox has no seccomp filter for riscv64: use x86-64 or aarch64");
  }

  private static int run(String machine, int architecture, int number, int first, int second)
      throws SandboxException {
    ByteBuffer data = ByteBuffer.allocate(64).order(ByteOrder.nativeOrder());
    data.putInt(0, number).putInt(4, architecture).putInt(16, first).putInt(24, second);
    ByteBuffer program =
        ByteBuffer.wrap(SeccompFilter.forMachine(machine)).order(ByteOrder.nativeOrder());
    int loaded = 0;
    for (int at = 0; ; at++) {
      int value = program.getInt(8 * at + 4);
      boolean jump;
      switch (program.getShort(8 * at)) {
        case 0x20 -> {
          loaded = data.getInt(value);
          continue;
        }
        case 0x06 -> {
          return value;
        }
        case 0x15 -> jump = loaded == value;
        case 0x35 -> jump = Integer.compareUnsigned(loaded, value) >= 0;
        case 0x45 -> jump = (loaded & value) != 0;
        default -> throw new AssertionError("instruction " + at);
      }
      at += Byte.toUnsignedInt(program.get(8 * at + (jump ? 2 : 3)));
    }
  }
}
