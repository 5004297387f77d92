package dev.turnstone.sandbox.jail;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/// The command that starts a zygote: `sh` → `setpriv` (as root only) → `bwrap` → `python3`.
final class JailCommand {
  /// Jails offer themselves first to the out-of-memory killer; where /proc forbids that, it is only
  /// less protective.
  private static final String SHELL =
      "{ echo 500 >/proc/self/oom_score_adj; } 2>/dev/null; exec \"$0\" \"$@\"";

  /// @param socket where the zygote listens, as the host sees it
  record Start(List<String> command, Path socket) {}

  private final HostTools tools;
  private final JailFolder folder;
  private final Cgroups cgroups;
  private final int firstUid;
  private final AtomicInteger started = new AtomicInteger();

  JailCommand(HostTools tools, JailFolder folder, Cgroups cgroups, int firstUid) {
    this.tools = tools;
    this.folder = folder;
    this.cgroups = cgroups;
    this.firstUid = firstUid;
  }

  /// The next zygote's. As root each has a uid of its own, reused after many others.
  Start next() throws IOException {
    int number = started.getAndIncrement();
    int uid = firstUid + Math.floorMod(number, HostTools.UIDS);
    List<String> command = new ArrayList<>();
    Collections.addAll(command, "/bin/sh", "-c", SHELL);
    tools.setpriv().ifPresent(setpriv -> command.addAll(HostTools.drop(setpriv, uid)));
    Path run = folder.run(number);
    if (tools.setpriv().isPresent()) {
      HostTools.give(run, uid);
      cgroups.delegate(uid);
    }
    command.add(tools.bwrap().toString());
    command.addAll(words(confinement().replace("RUN", run.toString())));
    cgroups
        .mounts()
        .forEach((name, path) ->
            Collections.addAll(command, "--bind", path.toString(), "/agent/cgroup/" + name));
    for (String shared : JailFolder.shared())
      Collections.addAll(command, "--ro-bind", "/etc/" + shared, "/etc/" + shared);
    for (Path mount : tools.mounts())
      Collections.addAll(command, "--ro-bind", mount.toString(), mount.toString());
    command.addAll(words("--remount-ro /dev --remount-ro / --chdir /workspace"));
    command.addAll(environment(tools));
    Collections.addAll(command, HostTools.PYTHON.toString(), "-s", "-B", "/agent/main.py");
    Collections.addAll(command, "zygote", "/agent/run/socket", "/agent/cgroup");
    return new Start(command, run.resolve("socket"));
  }

  private String confinement() {
    return """
    --unshare-all --unshare-user --new-session --as-pid-1
    --uid 65534 --gid 65534 --hostname sandbox
    --ro-bind /usr /usr --symlink usr/lib /lib --symlink usr/lib64 /lib64
    --symlink usr/bin /bin --symlink usr/sbin /sbin
    --ro-bind ETC /etc --ro-bind-try /etc/alternatives /etc/alternatives
    --ro-bind-try /etc/ssl/certs /etc/ssl/certs
    --ro-bind AGENT /agent --bind RUN /agent/run --ro-bind EGRESS /agent/egress
    --ro-bind CACHE /cache
    --proc /proc --dev /dev --tmpfs /dev/shm
    --dir /tmp --symlink tmp /mnt --dir /workspace
    """
        .replace("ETC /etc", folder.etc() + " /etc")
        .replace("AGENT", folder.agent().toString())
        .replace("CACHE", folder.cache().toString())
        .replace("EGRESS", String.valueOf(folder.egress().getParent()));
  }

  /// All that programs find in their environment, beside what `sh` adds.
  static List<String> environment(HostTools tools) {
    return words(
        """
        --clearenv --setenv PATH PATHS --setenv HOME /tmp --setenv TZ UTC
        --setenv LC_ALL C.UTF-8 --setenv PYTHONHASHSEED 0
        --setenv OMP_NUM_THREADS 1 --setenv OPENBLAS_NUM_THREADS 1 --setenv MALLOC_ARENA_MAX 2
        """
            .replace("PATHS", tools.path()));
  }

  private static List<String> words(String text) {
    return text.lines().flatMap(line -> List.of(line.strip().split(" +")).stream()).toList();
  }
}
