package dev.turnstone.sandbox.jail;

import dev.turnstone.sandbox.egress.AllowList;
import dev.turnstone.sandbox.egress.EgressProxy;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Jails within bubblewrap: forked by a zygote, which is started again when it has died.
public final class BubblewrapJails implements Jails {
  private static final Logger LOG = LoggerFactory.getLogger(BubblewrapJails.class);

  private final Spawner spawner;
  private final JailFolder folder;
  private final JailCommand command;
  private final Cgroups cgroups;
  private final ReentrantLock starting = new ReentrantLock();
  private Optional<Zygote> zygote = Optional.empty();
  private Optional<EgressProxy> proxy = Optional.empty();
  private boolean closed;

  public BubblewrapJails(
      HostTools tools, Spawner spawner, JailFolder folder, Cgroups cgroups, int firstUid) {
    this.spawner = spawner;
    this.folder = folder;
    this.command = new JailCommand(tools, folder, cgroups, firstUid);
    this.cgroups = cgroups;
  }

  @Override
  public Jail open() throws JailLost, InterruptedException {
    return open(Optional.empty());
  }

  @Override
  public Jail open(AllowList network) throws JailLost, InterruptedException {
    EgressProxy proxy = proxy();
    String token = proxy.admit(network);
    boolean opened = false;
    try {
      Jail jail = open(Optional.of(token));
      opened = true;
      return jail.whenClosed(() -> proxy.forget(token));
    } finally {
      if (!opened) proxy.forget(token);
    }
  }

  private Jail open(Optional<String> egress) throws JailLost, InterruptedException {
    Zygote parent = zygote();
    Optional<Cgroup> cgroup = cgroups.take();
    boolean opened = false;
    try {
      Jail jail = Jail.open(parent.connect(), cgroup, Jail.wish(cgroup, egress));
      opened = true;
      return jail;
    } catch (IOException e) {
      throw new JailLost("the zygote does not answer: " + e.getMessage(), e);
    } finally {
      if (!opened) cgroup.ifPresent(Cgroup::release);
    }
  }

  private EgressProxy proxy() throws JailLost, InterruptedException {
    starting.lockInterruptibly();
    try {
      if (closed) throw new JailLost("the sandbox is closing");
      if (proxy.isEmpty()) proxy = Optional.of(EgressProxy.at(folder.egress()));
      return proxy.get();
    } catch (IOException e) {
      throw new JailLost("the network proxy cannot listen: " + e.getMessage(), e);
    } finally {
      starting.unlock();
    }
  }

  private Zygote zygote() throws JailLost, InterruptedException {
    starting.lockInterruptibly();
    try {
      if (closed) throw new JailLost("the sandbox is closing");
      if (zygote.isPresent() && zygote.get().alive()) return zygote.get();
      if (zygote.isPresent()) {
        LOG.warn("the zygote was killed from outside, and its jails with it");
        zygote.get().close();
      }
      JailCommand.Start start = command.next();
      Zygote started = Zygote.start(spawner, start.command(), start.socket());
      zygote = Optional.of(started);
      return started;
    } catch (IOException e) {
      throw new JailLost("the sandbox cannot write to " + folder.path() + ": " + e.getMessage(), e);
    } finally {
      starting.unlock();
    }
  }

  @Override
  public String describe() {
    return "bubblewrap";
  }

  @Override
  public Cgroups cgroups() {
    return cgroups;
  }

  @Override
  public Optional<Path> cache() {
    return Optional.of(folder.cache());
  }

  @Override
  public Path uploads() {
    return folder.uploads();
  }

  /// The process that all jails live under, outside of its namespaces.
  public Optional<ProcessHandle> outermost() {
    starting.lock();
    try {
      return zygote.map(Zygote::outermost);
    } finally {
      starting.unlock();
    }
  }

  @Override
  public void close() throws SandboxException {
    starting.lock();
    try {
      closed = true;
      zygote.ifPresent(Zygote::close);
      proxy.ifPresent(EgressProxy::close);
    } finally {
      starting.unlock();
    }
    spawner.close();
    cgroups.close();
    folder.close();
  }
}
