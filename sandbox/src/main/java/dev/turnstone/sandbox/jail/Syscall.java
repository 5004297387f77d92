package dev.turnstone.sandbox.jail;

import java.util.List;
import java.util.OptionalInt;

/// A system call and its numbers (Linux `unistd_64.h` and `asm-generic/unistd.h`).
///
/// @param x86Number on x86-64, −1 if it does not exist there
/// @param armNumber on aarch64, −1 if it does not exist there
record Syscall(int x86Number, int armNumber) {
  static final Syscall CLONE = new Syscall(56, 220);
  static final Syscall CLONE3 = new Syscall(435, 435);
  static final Syscall IOCTL = new Syscall(16, 29);
  static final Syscall SOCKET = new Syscall(41, 198);
  static final Syscall SOCKETPAIR = new Syscall(53, 199);

  /// Calls whose first argument is a process, 0 for the caller.
  static final List<Syscall> ON_ONESELF =
      List.of(
          new Syscall(302, 261), // prlimit64
          new Syscall(144, 119), // sched_setscheduler
          new Syscall(142, 118), // sched_setparam
          new Syscall(314, 274), // sched_setattr
          new Syscall(203, 122)); // sched_setaffinity

  static final List<Syscall> DENIED =
      List.of(
          // Mounts and roots
          new Syscall(165, 40), // mount
          new Syscall(166, 39), // umount2
          new Syscall(155, 41), // pivot_root
          new Syscall(161, 51), // chroot
          new Syscall(428, 428), // open_tree
          new Syscall(429, 429), // move_mount
          new Syscall(430, 430), // fsopen
          new Syscall(431, 431), // fsconfig
          new Syscall(432, 432), // fsmount
          new Syscall(433, 433), // fspick
          new Syscall(442, 442), // mount_setattr
          new Syscall(303, 264), // name_to_handle_at
          new Syscall(304, 265), // open_by_handle_at
          // Namespaces
          new Syscall(272, 97), // unshare
          new Syscall(308, 268), // setns
          // Other processes
          new Syscall(101, 117), // ptrace
          new Syscall(310, 270), // process_vm_readv
          new Syscall(311, 271), // process_vm_writev
          new Syscall(440, 440), // process_madvise
          new Syscall(312, 272), // kcmp
          new Syscall(438, 438), // pidfd_getfd
          new Syscall(141, 140), // setpriority, which would reach the worker by user
          new Syscall(256, 238), // migrate_pages
          new Syscall(279, 239), // move_pages
          // The kernel's larger surfaces
          new Syscall(321, 280), // bpf
          new Syscall(298, 241), // perf_event_open
          new Syscall(323, 282), // userfaultfd
          new Syscall(425, 425), // io_uring_setup
          new Syscall(426, 426), // io_uring_enter
          new Syscall(427, 427), // io_uring_register
          new Syscall(300, 262), // fanotify_init
          new Syscall(250, 219), // keyctl
          new Syscall(248, 217), // add_key
          new Syscall(249, 218), // request_key
          new Syscall(154, -1), // modify_ldt
          new Syscall(278, 75), // vmsplice
          // Memory that no limit of ours counts
          new Syscall(319, 279), // memfd_create
          new Syscall(447, 447), // memfd_secret
          new Syscall(29, 194), // shmget
          new Syscall(68, 186), // msgget
          // The machine
          new Syscall(246, 104), // kexec_load
          new Syscall(320, 294), // kexec_file_load
          new Syscall(175, 105), // init_module
          new Syscall(313, 273), // finit_module
          new Syscall(176, 106), // delete_module
          new Syscall(174, -1), // create_module
          new Syscall(177, -1), // get_kernel_syms
          new Syscall(178, -1), // query_module
          new Syscall(169, 142), // reboot
          new Syscall(167, 224), // swapon
          new Syscall(168, 225), // swapoff
          new Syscall(179, 60), // quotactl
          new Syscall(443, 443), // quotactl_fd
          new Syscall(163, 89), // acct
          new Syscall(103, 116), // syslog
          new Syscall(164, 170), // settimeofday
          new Syscall(227, 112), // clock_settime
          new Syscall(159, 171), // adjtimex
          new Syscall(305, 266), // clock_adjtime
          new Syscall(172, -1), // iopl
          new Syscall(173, -1), // ioperm
          new Syscall(134, -1), // uselib
          new Syscall(136, -1), // ustat
          new Syscall(139, -1), // sysfs
          new Syscall(156, -1), // _sysctl
          new Syscall(153, 58), // vhangup
          new Syscall(170, 161), // sethostname
          new Syscall(171, 162), // setdomainname
          new Syscall(180, 42), // nfsservctl
          new Syscall(212, 18)); // lookup_dcookie

  /// The numbers of one architecture.
  @FunctionalInterface
  interface Numbers {
    OptionalInt of(Syscall call);
  }

  OptionalInt x86() {
    return number(x86Number);
  }

  OptionalInt arm() {
    return number(armNumber);
  }

  private static OptionalInt number(int number) {
    return number < 0 ? OptionalInt.empty() : OptionalInt.of(number);
  }
}
