package dev.turnstone.sandbox;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/// After a hostile program, whatever it did: the service answers and its self-test holds, the next
/// program runs right, and neither a process nor a descriptor, a mount or a directory is left.
final class Aftermath implements BeforeEachCallback, AfterEachCallback {
  /// What this JVM and the zygote hold for jails, and what lies in the service's own folder.
  private record Held(int links, int pipes, int inZygote, long mounts, List<String> files) {
    static Held now(RunningSandbox sandbox) {
      Set<String> unix = unixSockets();
      List<String> open = descriptors(Path.of("/proc/self/fd"));
      return new Held(
          (int) open.stream().filter(unix::contains).count(),
          (int) open.stream().filter(name -> name.startsWith("pipe:")).count(),
          JailedProcesses.zygote(sandbox.config())
              .map(pid -> descriptors(Path.of("/proc/" + pid + "/fd")).size())
              .orElse(0),
          lines(Path.of("/proc/self/mountinfo")),
          filesBelow(sandbox.folder()));
    }

    /// The same, with as many descriptors as were ever held when nothing ran: a pool that is slow
    /// to fill again holds fewer for a while.
    Held orMore(Held other) {
      return new Held(
          Math.max(links, other.links),
          Math.max(pipes, other.pipes),
          Math.max(inZygote, other.inZygote),
          mounts,
          files);
    }

    boolean isWithin(Held before) {
      return links <= before.links
          && pipes <= before.pipes
          && inZygote <= before.inZygote
          && mounts == before.mounts
          && files.equals(before.files);
    }
  }

  /// As much as tests before this one found when nothing ran.
  private static Held most = new Held(0, 0, 0, 0, List.of());

  private final RunningSandbox sandbox = RunningSandbox.shared();
  private Held before = Held.now(sandbox);

  @Override
  public void beforeEach(ExtensionContext context) {
    before = Held.now(sandbox);
    for (int same = 0; same < 10; LockSupport.parkNanos(10_000_000)) {
      Held now = Held.now(sandbox);
      same = now.equals(before) ? same + 1 : 0;
      before = now;
    }
    before = before.orMore(most);
    most = before;
  }

  @Override
  public void afterEach(ExtensionContext context) {
    HttpResponse<String> health =
        RunningSandbox.send(HttpRequest.newBuilder(URI.create(sandbox.url() + "/health")));
    assertThat(health.statusCode()).as(health.body()).isEqualTo(200);
    assertThat(sandbox.python("print(sum(range(7)), 'next')").at("/run_result/stdout").asText())
        .isEqualTo("21 next\n");
    sandbox.assertNothingIsLeft();
    Held after = Held.now(sandbox);
    for (int i = 0; i < 500 && !after.isWithin(before); i++) {
      LockSupport.parkNanos(10_000_000);
      after = Held.now(sandbox);
    }
    assertThat(after.isWithin(before)).as("before %s, after %s", before, after).isTrue();
  }

  /// As descriptors name them: `socket:[inode]`.
  private static Set<String> unixSockets() {
    try (Stream<String> lines = Files.lines(Path.of("/proc/self/net/unix"))) {
      return lines
          .skip(1)
          .map(line -> "socket:[" + line.strip().split(" +", -1)[6] + "]")
          .collect(Collectors.toSet());
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private static List<String> descriptors(Path folder) {
    try (Stream<Path> open = Files.list(folder)) {
      return open.map(Aftermath::target).filter(name -> !name.isEmpty()).toList();
    } catch (IOException e) {
      return List.of(); // Another user's, and we are not root.
    }
  }

  private static String target(Path descriptor) {
    try {
      return Files.readSymbolicLink(descriptor).toString();
    } catch (IOException e) {
      return ""; // Closed meanwhile.
    }
  }

  private static long lines(Path file) {
    try (Stream<String> lines = Files.lines(file)) {
      return lines.count();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private static List<String> filesBelow(Path folder) {
    try (Stream<Path> files = Files.walk(folder)) {
      return files.map(Path::toString).sorted().toList();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }
}
