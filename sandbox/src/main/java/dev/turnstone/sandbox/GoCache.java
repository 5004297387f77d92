package dev.turnstone.sandbox;

import dev.turnstone.sandbox.jail.Jails;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// What Go makes of its standard library, compiled once for all programs: ten seconds of CPU that
/// each would take of its `compile_timeout`. The first Go program has it made, at low priority;
/// programs that come meanwhile wait, and are turned away as from a busy sandbox.
///
/// Programs get links to it in a cache of their own, since Go must be able to write there.
final class GoCache implements AutoCloseable {
  /// Copies links first; where there is no such cache, Go fills an empty one.
  static final String COMPILE =
      "cp -rs /cache/go /tmp/.gocache 2>/dev/null; exec go build -o /tmp/main main.go";

  private static final Logger LOG = LoggerFactory.getLogger(GoCache.class);
  private static final List<String> PACKAGES =
      List.of(
          "bufio",
          "bytes",
          "cmp",
          "container/heap",
          "container/list",
          "context",
          "crypto/md5",
          "crypto/sha256",
          "encoding/base64",
          "encoding/hex",
          "encoding/json",
          "errors",
          "flag",
          "fmt",
          "io",
          "maps",
          "math",
          "math/big",
          "math/bits",
          "math/cmplx",
          "math/rand",
          "os",
          "reflect",
          "regexp",
          "slices",
          "sort",
          "strconv",
          "strings",
          "sync",
          "sync/atomic",
          "testing",
          "time",
          "unicode",
          "unicode/utf8");

  private final Optional<Path> folder;
  private final CompletableFuture<Void> made = new CompletableFuture<>();
  private boolean started;
  private Optional<Process> compiler = Optional.empty();

  GoCache(Jails jails) {
    this.folder = jails.cache();
  }

  /// Returns when the cache is there, or cannot be had.
  ///
  /// @throws SandboxBusy it is still being made
  void await(Duration wait) throws SandboxBusy, InterruptedException {
    if (folder.isEmpty()) return;
    start(folder.get());
    try {
      made.get(wait.toNanos(), TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      throw new SandboxBusy("Go's standard library is being compiled, once", wait);
    } catch (ExecutionException e) {
      LOG.debug("Go programs compile it themselves", e);
    }
  }

  private synchronized void start(Path cache) {
    if (started) return;
    started = true;
    try {
      Path source = cache.resolve("all.go");
      StringBuilder program = new StringBuilder("package main\n");
      PACKAGES.forEach(name -> program.append("import _ \"" + name + "\"\n"));
      Files.writeString(source, program + "func main() {}\n");
      ProcessBuilder builder =
          new ProcessBuilder(
              "/bin/sh",
              "-c",
              "umask 022; exec nice -n 19 go build -o /dev/null \"$0\"",
              source.toString());
      builder.environment().clear();
      builder.environment().putAll(Languages.GO);
      builder.environment().put("PATH", "/usr/local/bin:/usr/local/go/bin:/usr/bin:/bin");
      builder.environment().put("HOME", cache.toString());
      builder.environment().put("GOCACHE", cache.resolve("go").toString());
      Process process =
          builder.redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.DISCARD).start();
      compiler = Optional.of(process);
      var _ = process.onExit().thenAccept(this::end);
    } catch (IOException e) {
      LOG.warn("Go's standard library cannot be compiled ahead: {}", e.getMessage());
      made.completeExceptionally(e);
    }
  }

  private void end(Process process) {
    if (process.exitValue() != 0)
      LOG.warn("Go's standard library did not compile: go ended with {}", process.exitValue());
    made.complete(null);
  }

  @Override
  public synchronized void close() {
    compiler.ifPresent(process -> {
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly();
    });
  }
}
