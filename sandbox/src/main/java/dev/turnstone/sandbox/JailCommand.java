package dev.turnstone.sandbox;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/// The command that starts a jail: `sh` → `setpriv` (as root only) → `bwrap` → `python3
/// worker.pyc`.
final class JailCommand {
  /// `sh` opens the filter, since Java hands a child no descriptor beyond 2. A jail offers itself
  /// first to the out-of-memory killer; where /proc forbids that, it is only less protective.
  private static final String SHELL =
      "{ echo 1000 >/proc/self/oom_score_adj; } 2>/dev/null; exec 9<\"$0\"; exec \"$@\"";

  private final HostTools tools;
  private final JailFolder folder;
  private final int firstUid;
  private final AtomicInteger started = new AtomicInteger();

  JailCommand(HostTools tools, JailFolder folder, int firstUid) {
    this.tools = tools;
    this.folder = folder;
    this.firstUid = firstUid;
  }

  /// The command of the next jail. As root each has a uid of its own, reused after many others.
  List<String> next() {
    List<String> command = new ArrayList<>();
    Collections.addAll(command, "/bin/sh", "-c", SHELL, folder.filter().toString());
    tools
        .setpriv()
        .ifPresent(setpriv -> {
          int uid = firstUid + Math.floorMod(started.getAndIncrement(), SandboxConfig.UIDS);
          Collections.addAll(command, setpriv.toString(), "--reuid=" + uid, "--regid=" + uid);
          Collections.addAll(command, "--clear-groups", "--inh-caps=-all");
          command.add("--bounding-set=-all");
        });
    command.add(tools.bwrap().toString());
    command.addAll(confinement());
    Collections.addAll(command, HostTools.PYTHON.toString(), "-I", "/agent/worker.pyc");
    return command;
  }

  private List<String> confinement() {
    String text =
        """
        --unshare-all --unshare-user --disable-userns --new-session --as-pid-1
        --uid 65534 --gid 65534 --hostname sandbox
        --ro-bind /usr /usr --symlink usr/lib /lib --symlink usr/lib64 /lib64
        --symlink usr/bin /bin --symlink usr/sbin /sbin
        --ro-bind ETC /etc --ro-bind-try /etc/alternatives /etc/alternatives
        --ro-bind WORKER /agent/worker.pyc
        --proc /proc --dev /dev --size SHM --tmpfs /dev/shm --remount-ro /dev
        --size TMP --tmpfs /tmp --symlink tmp /mnt --size WORKSPACE --tmpfs /workspace
        --remount-ro / --chdir /workspace --seccomp 9
        --clearenv --setenv PATH /usr/bin:/usr/sbin --setenv HOME /tmp --setenv TZ UTC
        --setenv LC_ALL C.UTF-8 --setenv OMP_NUM_THREADS 1 --setenv OPENBLAS_NUM_THREADS 1
        --setenv MALLOC_ARENA_MAX 2
        """;
    return text.lines()
        .flatMap(line -> List.of(line.split(" ")).stream())
        .map(this::argument)
        .toList();
  }

  private String argument(String word) {
    return switch (word) {
      case "ETC" -> folder.etc().toString();
      case "WORKER" -> folder.worker().toString();
      case "SHM" -> Long.toString(Limits.SHM);
      case "TMP" -> Long.toString(Limits.TMP);
      case "WORKSPACE" -> Long.toString(Limits.WORKSPACE);
      default -> word;
    };
  }
}
