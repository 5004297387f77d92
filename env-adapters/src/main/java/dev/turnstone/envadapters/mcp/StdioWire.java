package dev.turnstone.envadapters.mcp;

import dev.turnstone.envadapters.peer.Deadline;
import dev.turnstone.envadapters.tools.CommandJail;
import io.modelcontextprotocol.spec.McpSchema.JSONRPCMessage;
import io.modelcontextprotocol.spec.McpSchema.JSONRPCRequest;
import io.modelcontextprotocol.spec.McpSchema.JSONRPCResponse;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/// An MCP server as a program of its own, one JSON-RPC message a line. It runs in the jail; what it
/// prints besides messages is passed over, within bounds, and it is killed with all that it
/// started.
///
/// A pipe blocks the thread that reads it, so each server has two small platform threads, as it has
/// a process.
final class StdioWire implements McpWire {
  private static final Duration LEAVE = Duration.ofMillis(500);
  private static final Duration DEATH = Duration.ofSeconds(1);
  private static final long MAX_STRAY_BYTES = 64L << 20;
  private static final int LAST_WORDS = 2000;
  private static final int STACK_BYTES = 256 << 10;

  private final CommandJail jail;
  private final CommandJail.Program program;
  private final Awaited awaited = new Awaited();
  private final StringBuilder lastWords = new StringBuilder();
  private volatile Optional<Process> process = Optional.empty();
  private long strayBytes;

  StdioWire(CommandJail jail, CommandJail.Program program) {
    this.jail = jail;
    this.program = program;
  }

  @Override
  public void start(Consumer<JSONRPCMessage> inbox, Deadline deadline) throws McpFailure {
    try {
      Process started = jail.start(program);
      process = Optional.of(started);
      thread("mcp-stderr-", started, () -> keepLastWords(started.getErrorStream()));
      thread("mcp-stdout-", started, () -> listen(started, inbox));
    } catch (IOException e) {
      throw new McpFailure.Lost("does not start: " + e.getMessage());
    }
  }

  private static void thread(String name, Process process, Runnable task) {
    Thread.ofPlatform().name(name + process.pid()).daemon().stackSize(STACK_BYTES).start(task);
  }

  private void listen(Process started, Consumer<JSONRPCMessage> inbox) {
    String end = "ended";
    try (InputStream in = new BufferedInputStream(started.getInputStream())) {
      for (Optional<String> line = line(in); line.isPresent(); line = line(in))
        take(line.get(), inbox);
    } catch (EventReader.TooLong e) {
      end = "printed more than it may";
    } catch (IOException e) {
      end = "ended: " + e.getMessage();
    } finally {
      started.destroyForcibly();
      String words = lastWords();
      awaited.lost(words.isEmpty() ? end : end + ", saying: " + words);
    }
  }

  /// The next line; empty at the end. Invalid UTF-8 is replaced.
  private static Optional<String> line(InputStream in) throws IOException {
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    for (int b = in.read(); b >= 0; b = in.read()) {
      if (b == '\n') return Optional.of(line.toString(StandardCharsets.UTF_8));
      line.write(b);
      if (line.size() > McpMessages.MAX_BYTES) throw new EventReader.TooLong();
    }
    return line.size() == 0 ? Optional.empty() : Optional.of(line.toString(StandardCharsets.UTF_8));
  }

  private void take(String line, Consumer<JSONRPCMessage> inbox) throws EventReader.TooLong {
    Optional<JSONRPCMessage> message =
        line.startsWith("{") ? McpMessages.read(line) : Optional.empty();
    if (message.isEmpty()) {
      strayBytes += line.length() + 1;
      if (strayBytes > MAX_STRAY_BYTES) throw new EventReader.TooLong();
      return;
    }
    inbox.accept(message.get());
    if (message.get() instanceof JSONRPCResponse response && response.id() != null)
      awaited.arrived(response.id());
  }

  /// For the sentence that says why a server is lost.
  private void keepLastWords(InputStream stderr) {
    byte[] buffer = new byte[4096];
    try (stderr) {
      for (int n = stderr.read(buffer); n >= 0; n = stderr.read(buffer)) {
        remember(new String(buffer, 0, n, StandardCharsets.UTF_8));
      }
    } catch (IOException e) {
      // The process has ended, which its other stream says too.
    }
  }

  private synchronized void remember(String words) {
    lastWords.append(words.replace('\n', ' '));
    if (lastWords.length() > LAST_WORDS) lastWords.delete(0, lastWords.length() - LAST_WORDS);
  }

  private synchronized String lastWords() {
    return lastWords.toString().strip();
  }

  @Override
  public void exchange(JSONRPCRequest request, Deadline deadline)
      throws McpFailure, InterruptedException {
    try {
      awaited.answer(request.id(), () -> send(request, deadline), deadline);
    } catch (McpFailure.TimedOut | InterruptedException e) {
      write(McpMessages.cancelled(request.id(), "nobody waits for it any more"));
      throw e;
    }
  }

  @Override
  public void send(JSONRPCMessage message, Deadline deadline)
      throws McpFailure, InterruptedException {
    awaited.check();
    // A server that does not read would block the writer for ever; only its end frees it.
    Thread writing = write(message);
    if (writing.join(deadline.remaining())) return;
    process.ifPresent(Process::destroyForcibly);
    throw new McpFailure.Lost("does not read what it is sent");
  }

  private Thread write(JSONRPCMessage message) {
    byte[] line = (McpMessages.write(message) + "\n").getBytes(StandardCharsets.UTF_8);
    return Thread.ofVirtual()
        .name("mcp-stdin")
        .start(() -> {
          try {
            OutputStream stdin = process.orElseThrow().getOutputStream();
            synchronized (stdin) {
              stdin.write(line);
              stdin.flush();
            }
          } catch (IOException e) {
            awaited.lost("does not read what it is sent");
          }
        });
  }

  @Override
  public void close() {
    if (process.isEmpty()) return;
    Process started = process.get();
    try {
      started.getOutputStream().close();
      if (started.waitFor(LEAVE.toMillis(), TimeUnit.MILLISECONDS)) return;
    } catch (IOException e) {
      // Unsent bytes for a process that has ended.
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    started.destroyForcibly();
    try {
      if (!started.waitFor(DEATH.toMillis(), TimeUnit.MILLISECONDS))
        throw new IllegalStateException("process %d does not die".formatted(started.pid()));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
