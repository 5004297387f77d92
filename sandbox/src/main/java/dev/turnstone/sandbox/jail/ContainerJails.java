package dev.turnstone.sandbox.jail;

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

/// What stands for jails in a container that is itself the boundary and allows no namespaces: a
/// user and a folder of its own for each program, seccomp, limits, and nothing else.
///
/// Programs see the container's files and share its network. A user of its own is what lets all
/// that a program started be killed, so this needs root.
public final class ContainerJails implements Jails {
  private static final Logger LOG = LoggerFactory.getLogger(ContainerJails.class);
  private static final Duration DEATH = Duration.ofSeconds(5);

  /// As that user, whose own shell is spared by the kernel.
  private static final String CLEAR =
      "kill -KILL -1; exec find /tmp /var/tmp /dev/shm -mindepth 1 -maxdepth 1 -user \"$0\""
          + " -exec rm -rf {} + 2>/dev/null";

  private final HostTools tools;
  private final Path setpriv;
  private final Spawner spawner;
  private final JailFolder folder;
  private final Users users;
  private final LiveLinks live = new LiveLinks();
  private final AtomicInteger opened = new AtomicInteger();

  private ContainerJails(HostTools tools, Path setpriv, JailFolder folder, int firstUid) {
    this.tools = tools;
    this.setpriv = setpriv;
    this.spawner = new Spawner();
    this.folder = folder;
    this.users = new Users(firstUid, HostTools.UIDS);
  }

  public static ContainerJails of(HostTools tools, int firstUid) throws SandboxException {
    Optional<Path> setpriv = tools.setpriv();
    if (setpriv.isEmpty())
      throw new SandboxException(
          "--isolation none gives every program a user of its own and so needs root: run the"
              + " container as root");
    return new ContainerJails(tools, setpriv.get(), JailFolder.create(), firstUid);
  }

  @Override
  public Jail open() throws JailLost, InterruptedException {
    int uid = users.take();
    boolean started = false;
    try {
      Path own = folder.run(opened.getAndIncrement());
      HostTools.give(own, uid);
      Process process = spawner.start(command(uid, own));
      ObjectNode wish = Jail.wish(Optional.empty(), Optional.empty());
      wish.put("workspace", own.toString());
      PipeLink link = live.to(process, () -> end(uid, own));
      started = true;
      return Jail.open(link, Optional.empty(), wish);
    } catch (IOException e) {
      throw new JailLost("a program's process could not be started: " + e.getMessage(), e);
    } finally {
      if (!started) users.giveBack(uid);
    }
  }

  private List<String> command(int uid, Path own) {
    List<String> command = new ArrayList<>(HostTools.drop(setpriv, uid));
    Collections.addAll(command, "/usr/bin/env", "-i", "PATH=" + tools.path(), "HOME=" + own);
    Collections.addAll(command, "TMPDIR=" + own, "TZ=UTC", "LC_ALL=C.UTF-8", "PYTHONHASHSEED=0");
    Collections.addAll(command, "OMP_NUM_THREADS=1", "OPENBLAS_NUM_THREADS=1");
    Collections.addAll(command, HostTools.PYTHON.toString(), "-s", "-B");
    Collections.addAll(command, folder.agent().resolve("main.py").toString(), "single");
    return command;
  }

  /// Kills all processes of a user, which are those of one program, and deletes its folder and what
  /// it left in the container's folders for everyone.
  private void end(int uid, Path own) {
    List<String> clear = new ArrayList<>(HostTools.drop(setpriv, uid));
    Collections.addAll(clear, "/bin/sh", "-c", CLEAR, "" + uid);
    try {
      if (spawner.start(clear).waitFor(DEATH)) users.giveBack(uid);
      else LOG.warn("user {} cannot be cleared", uid);
      JailFolder.delete(own);
    } catch (IOException e) {
      LOG.warn("{} cannot be deleted: {}", own, e.getMessage());
    } catch (InterruptedException e) {
      end(uid, own); // A client that goes must not keep the user from being cleared.
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public String describe() {
    return "none: seccomp and limits only, in a container";
  }

  @Override
  public Cgroups cgroups() {
    return Cgroups.none("--isolation none");
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
