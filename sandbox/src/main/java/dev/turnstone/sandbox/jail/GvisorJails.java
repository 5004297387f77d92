package dev.turnstone.sandbox.jail;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Jails of gVisor: each has a kernel of its own, written in Go, which serves the program's system
/// calls; few of them ever reach the host's kernel. A jail takes 0.2 s to start instead of 3 ms and
/// 30 MiB more.
///
/// `runsc` runs without root and without network, over the host's `/usr` read-only. The worker adds
/// up the memory of its programs itself, since runsc without root has no cgroup.
public final class GvisorJails implements Jails {
  private static final Logger LOG = LoggerFactory.getLogger(GvisorJails.class);
  private static final Duration DEATH = Duration.ofSeconds(5);

  /// To gVisor's kernel process 1 is one like others: the worker has another user than programs, so
  /// that they cannot signal it. It is root for that kernel only.
  private static final int PROGRAMS = 65534;

  private static final List<String> WORKERS =
      List.of(
          "CAP_SETUID",
          "CAP_SETGID",
          "CAP_KILL",
          "CAP_DAC_OVERRIDE",
          "CAP_SYS_RESOURCE",
          "CAP_SETPCAP");

  private final HostTools tools;
  private final Path runsc;
  private final Spawner spawner = new Spawner();
  private final JailFolder folder;
  private final Path bundle;
  private final int firstUid;
  private final LiveLinks live = new LiveLinks();
  private final AtomicInteger opened = new AtomicInteger();

  private GvisorJails(HostTools tools, Path runsc, JailFolder folder, Path bundle, int firstUid) {
    this.tools = tools;
    this.runsc = runsc;
    this.folder = folder;
    this.bundle = bundle;
    this.firstUid = firstUid;
  }

  /// Finds `runsc` and prepares what all jails share.
  ///
  /// @throws SandboxException runsc is not installed
  public static GvisorJails of(HostTools tools, int firstUid) throws SandboxException {
    Path runsc =
        HostTools.find(
            "runsc",
            "runsc",
            List.of(Path.of("/usr/bin"), Path.of("/usr/local/bin"), Path.of("/usr/sbin")));
    JailFolder folder = JailFolder.create();
    try {
      Path bundle = folder.bundle(config(tools, folder));
      return new GvisorJails(tools, runsc, folder, bundle, firstUid);
    } catch (IOException e) {
      folder.close();
      throw new SandboxException("gVisor's bundle cannot be written: " + e.getMessage(), e);
    }
  }

  @Override
  public Jail open() throws JailLost, InterruptedException {
    int number = opened.getAndIncrement();
    int uid = firstUid + Math.floorMod(number, HostTools.UIDS);
    try {
      Path state = folder.run(number);
      if (tools.setpriv().isPresent()) HostTools.give(state, uid);
      Process process = spawner.start(command(uid, state, "turnstone-" + number));
      PipeLink link = live.to(process, () -> end(process, state));
      ObjectNode wish = JsonNodeFactory.instance.objectNode();
      wish.putArray("user").add(PROGRAMS);
      return Jail.open(link, Optional.empty(), wish);
    } catch (IOException e) {
      throw new JailLost("runsc could not be started: " + e.getMessage(), e);
    }
  }

  private List<String> command(int uid, Path state, String id) {
    List<String> command = new ArrayList<>();
    tools.setpriv().ifPresent(setpriv -> command.addAll(HostTools.drop(setpriv, uid)));
    Collections.addAll(command, "/usr/bin/env", "-i", "PATH=/usr/bin:/bin", runsc.toString());
    Collections.addAll(command, "--rootless", "--network=none", "--ignore-cgroups");
    Collections.addAll(command, "--root", state.toString());
    Collections.addAll(command, "run", "--bundle", bundle.toString(), id);
    return List.copyOf(command);
  }

  /// runsc's other processes die with it; then what it wrote about the jail can go.
  private static void end(Process process, Path state) {
    try {
      if (!process.waitFor(DEATH)) LOG.warn("runsc {} does not die", process.pid());
      JailFolder.delete(state);
    } catch (IOException e) {
      LOG.warn("{} cannot be deleted: {}", state, e.getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /// The OCI configuration that all jails share.
  private static JsonNode config(HostTools tools, JailFolder folder) throws IOException {
    ObjectNode config = JsonNodeFactory.instance.objectNode().put("ociVersion", "1.0.2");
    ObjectNode process = config.putObject("process").put("terminal", false);
    process.putObject("user").put("uid", 0).put("gid", 0);
    process.put("cwd", "/workspace").put("noNewPrivileges", true);
    ObjectNode capabilities = process.putObject("capabilities");
    for (String set : List.of("bounding", "effective", "permitted"))
      WORKERS.forEach(capabilities.putArray(set)::add);
    ArrayNode arguments = process.putArray("args").add(HostTools.PYTHON.toString());
    arguments.add("-s").add("-B").add("/agent/main.py").add("single");
    ArrayNode environment = process.putArray("env").add("PATH=" + tools.path()).add("HOME=/tmp");
    environment.add("TZ=UTC").add("LC_ALL=C.UTF-8").add("PYTHONHASHSEED=0");
    environment.add("OMP_NUM_THREADS=1").add("OPENBLAS_NUM_THREADS=1").add("MALLOC_ARENA_MAX=2");
    config.putObject("root").put("path", "rootfs").put("readonly", true);
    config.put("hostname", "sandbox");
    mounts(config.putArray("mounts"), tools, folder);
    ArrayNode namespaces = config.putObject("linux").putArray("namespaces");
    for (String kind : List.of("pid", "network", "ipc", "uts", "mount"))
      namespaces.addObject().put("type", kind);
    return config;
  }

  private static void mounts(ArrayNode mounts, HostTools tools, JailFolder folder)
      throws IOException {
    mount(mounts, "/proc", "proc", "proc");
    mount(mounts, "/dev", "tmpfs", "tmpfs");
    mount(mounts, "/tmp", "tmpfs", "tmpfs").add("mode=1777").add("size=" + Limits.TMP);
    mount(mounts, "/workspace", "tmpfs", "tmpfs").add("mode=1777").add("size=" + Limits.WORKSPACE);
    bind(mounts, "/usr", Path.of("/usr"));
    bind(mounts, "/etc", folder.etc());
    bind(mounts, "/agent", folder.agent());
    bind(mounts, "/cache", folder.cache());
    for (String shared : JailFolder.shared())
      bind(mounts, "/etc/" + shared, Path.of("/etc", shared));
    for (Path mount : tools.mounts()) bind(mounts, mount.toString(), mount);
  }

  private static void bind(ArrayNode mounts, String at, Path source) {
    mount(mounts, at, "bind", source.toString()).add("rbind").add("ro");
  }

  private static ArrayNode mount(ArrayNode mounts, String at, String type, String source) {
    ObjectNode mount = mounts.addObject().put("destination", at);
    return mount.put("type", type).put("source", source).putArray("options");
  }

  @Override
  public String describe() {
    return "gVisor";
  }

  @Override
  public Cgroups cgroups() {
    return Cgroups.none("gVisor, in which the worker adds up memory");
  }

  @Override
  public Optional<Path> cache() {
    return Optional.of(folder.cache());
  }

  @Override
  public Path uploads() {
    return folder.uploads();
  }

  @Override
  public void close() throws SandboxException {
    live.close();
    spawner.close();
    folder.close();
  }
}
