package dev.turnstone.sandbox.jail;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;

/// One jail and its worker, which does what it is asked for, one request at a time.
///
/// Closing the jail closes its link, whose end makes the worker leave, and kills the worker, for
/// the case that it does not see that. The worker is process 1 of the jail: the kernel ends all
/// others with it. The end of this JVM, however it comes, closes all links.
public final class Jail implements AutoCloseable {
  private static final Duration READY = Duration.ofSeconds(20);
  private static final Duration DEATH = Duration.ofSeconds(5);

  private final Link link;
  private final Optional<Cgroup> cgroup;
  private final Frames frames;
  private final ReentrantLock writing = new ReentrantLock();
  private Optional<Object> current = Optional.empty();
  private long worker;
  private long memory;
  private Runnable afterwards = () -> {};

  private Jail(Link link, Optional<Cgroup> cgroup) {
    this.link = link;
    this.cgroup = cgroup;
    this.frames = new Frames(link.in(), link.out());
  }

  /// Waits until the worker at the other end of a link is ready.
  ///
  /// @param wish what the jail shall be
  static Jail open(Link link, Optional<Cgroup> cgroup, ObjectNode wish)
      throws JailLost, InterruptedException {
    Jail jail = new Jail(link, cgroup);
    boolean ready = false;
    try {
      JsonNode greeting = jail.within(READY, () -> jail.meet(wish));
      if (!greeting.path("ready").asBoolean())
        throw new JailLost(greeting.path("lost").asText("the jail's first process is no worker"));
      jail.worker = greeting.path("pid").asLong();
      ready = true;
      return jail;
    } catch (IOException e) {
      throw new JailLost("a jail was killed before it was ready", e);
    } catch (TimeoutException e) {
      throw new JailLost("a jail was not ready after " + READY.toSeconds() + " s", e);
    } finally {
      if (!ready) jail.close();
    }
  }

  private JsonNode meet(ObjectNode wish) throws IOException {
    frames.hello(wish);
    return frames.greeting();
  }

  /// Does something once it is closed.
  Jail whenClosed(Runnable what) {
    afterwards = what;
    return this;
  }

  /// What a jail of ours shall be.
  ///
  /// @param egress what names it to the network proxy; empty for no network
  static ObjectNode wish(Optional<Cgroup> cgroup, Optional<String> egress) {
    ObjectNode wish = JsonNodeFactory.instance.objectNode();
    egress.ifPresent(token -> wish.put("egress", token));
    var cgroups = wish.putArray("cgroups");
    cgroup.ifPresent(c -> c.names().forEach(cgroups::add));
    ObjectNode sizes = wish.put("filter", true).putObject("sizes");
    sizes.putArray("/tmp").add(Limits.TMP).add(Limits.FILE_COUNT);
    sizes.putArray("/workspace").add(Limits.WORKSPACE).add(Limits.FILE_COUNT);
    sizes.putArray("/dev/shm").add(Limits.SHM).add(Limits.FILE_COUNT);
    return wish;
  }

  /// Bounds what all processes of the jail may hold together.
  ///
  /// @return the bytes that the worker has to watch itself; 0 if the kernel does
  public long limitMemory(long bytes) throws JailLost {
    if (cgroup.isEmpty()) return bytes;
    if (bytes == memory) return 0;
    try {
      cgroup.get().limitMemory(bytes);
      memory = bytes;
      return 0;
    } catch (IOException e) {
      throw new JailLost("the memory of a jail could not be limited: " + e.getMessage(), e);
    }
  }

  /// Whether the kernel has killed a process of this jail because it held too much memory.
  public boolean ranOutOfMemory() {
    return cgroup.map(Cgroup::ranOutOfMemory).orElse(false);
  }

  /// Hands a program over and waits until it has started.
  ///
  /// @return empty if it has; the answer if that came instead
  public Optional<Answer> begin(ObjectNode header, List<byte[]> fields)
      throws JailLost, InterruptedException {
    try {
      Answer answer =
          within(
              Limits.SETUP,
              () -> {
                frames.request(header, fields);
                return frames.answer();
              });
      return answer.header().has("started") ? Optional.empty() : Optional.of(answer);
    } catch (IOException | TimeoutException e) {
      throw new JailLost("a jail was lost before its program started", e);
    }
  }

  /// The answer to what began. Interrupting the caller kills the jail.
  ///
  /// @throws TimeoutException the jail, now killed, did not answer
  /// @throws IOException the jail was killed from outside
  public Answer end(Duration limit) throws IOException, TimeoutException, InterruptedException {
    return within(limit, frames::answer);
  }

  /// Asks for one thing of a session and waits for the answer.
  ///
  /// @param call what [#cancel] knows it by
  /// @param chunks gets what comes before the answer, if the request streams
  public Answer ask(
      Object call, ObjectNode header, List<byte[]> fields, Duration limit, Consumer<byte[]> chunks)
      throws IOException, TimeoutException, InterruptedException {
    try {
      return within(limit, () -> exchange(call, header, fields, chunks));
    } finally {
      asking(Optional.empty());
    }
  }

  private Answer exchange(
      Object call, ObjectNode header, List<byte[]> fields, Consumer<byte[]> chunks)
      throws IOException {
    writing.lock();
    try {
      frames.request(header, fields);
      current = Optional.of(call);
    } finally {
      writing.unlock();
    }
    while (true) {
      Answer answer = frames.answer();
      if (!answer.header().has("chunk")) return answer;
      answer.fields().forEach(chunks);
    }
  }

  private void asking(Optional<Object> call) {
    writing.lock();
    try {
      current = call;
    } finally {
      writing.unlock();
    }
  }

  /// Ends what a call runs, as its time limit would, if the call is the one that runs now.
  public void cancel(Object call) {
    writing.lock();
    try {
      if (current.filter(call::equals).isPresent()) frames.cancel();
    } catch (IOException e) {
      // The jail has ended, and the call with it.
    } finally {
      writing.unlock();
    }
  }

  /// Does one blocking exchange on another thread, so that time and interrupts can end it. The jail
  /// does not survive that.
  private <T> T within(Duration limit, Callable<T> exchange)
      throws IOException, InterruptedException, TimeoutException {
    FutureTask<T> task = new FutureTask<>(exchange);
    Thread thread = Thread.ofVirtual().name("jail-" + worker).start(task);
    try {
      return task.get(limit.toNanos(), TimeUnit.NANOSECONDS);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof IOException io) throw io;
      throw new IOException(e.getCause());
    } catch (TimeoutException | InterruptedException e) {
      end();
      thread.join(DEATH);
      throw e;
    }
  }

  boolean alive() {
    return link.alive();
  }

  private void end() {
    if (worker > 0) link.kill(worker);
    link.close();
  }

  @Override
  public void close() {
    end();
    afterwards.run();
    cgroup.ifPresent(Cgroup::release);
  }
}
