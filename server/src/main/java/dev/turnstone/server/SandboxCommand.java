package dev.turnstone.server;

import dev.turnstone.sandbox.Isolation;
import dev.turnstone.sandbox.SandboxConfig;
import dev.turnstone.sandbox.SandboxServer;
import dev.turnstone.sandbox.egress.AllowList;
import dev.turnstone.sandbox.jail.SandboxException;
import dev.turnstone.server.http.StartupError;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/// `turnstone sandbox`: the coding sandbox as a process of its own.
@Command(
    name = "sandbox",
    description = "Runs programs in jails for whoever reaches it on this machine.",
    mixinStandardHelpOptions = true)
final class SandboxCommand implements Callable<Integer> {
  @Option(names = "--host", paramLabel = "HOST", description = "A loopback address; 127.0.0.1.")
  private String host = "127.0.0.1";

  @Option(names = "--port", paramLabel = "PORT", description = "8080; 0 takes a free one.")
  private int port = 8080;

  @Option(
      names = "--isolation",
      paramLabel = "KIND",
      description =
          "bubblewrap; gvisor: a kernel of its own for every program (needs runsc, 0.2 s a start);"
              + " none: only seccomp and limits, for a container that is itself the boundary.")
  private Isolation isolation = Isolation.BUBBLEWRAP;

  @Option(
      names = "--network",
      paramLabel = "HOST",
      description =
          "A host that requests may let programs out to: host, host:port, *.domain, an address, or"
              + " * for all public ones. Repeatable; none.")
  private List<String> network = List.of();

  @Option(
      names = "--concurrency",
      paramLabel = "N",
      description = "Programs that run at once; twice the cores.")
  private Optional<Integer> concurrency = Optional.empty();

  @Option(
      names = "--max-sessions",
      paramLabel = "N",
      description = "Sessions that may be open at once; 2000.")
  private Optional<Integer> maxSessions = Optional.empty();

  @Option(
      names = "--mount",
      paramLabel = "DIR",
      description = "A folder that programs may read, its bin on their PATH. Repeatable.")
  private List<Path> mounts = List.of();

  @Spec private CommandSpec spec = CommandSpec.create();

  @Override
  public Integer call() throws InterruptedException {
    if (port < 0 || port > 65535)
      throw new StartupError("port must be an integer from 0 to 65535, but is " + port);
    try (SandboxServer server = SandboxServer.start(config())) {
      Signals stop = Signals.install();
      var out = spec.commandLine().getOut();
      out.printf("listening on %s%n", server.url());
      out.printf("programs are held by %s%n", server.isolation());
      stop.await();
      return 0;
    } catch (SandboxException e) {
      throw new StartupError(String.valueOf(e.getMessage()));
    }
  }

  private SandboxConfig config() {
    for (Path mount : mounts)
      if (!mount.isAbsolute() || !Files.isDirectory(mount))
        throw new StartupError("mount must be an absolute path of a folder, but is " + mount);
    try {
      SandboxConfig config =
          SandboxConfig.of(host, port).with(isolation).with(mounts).with(AllowList.of(network));
      return config
          .withConcurrency(concurrency.orElse(config.concurrency()))
          .withMaxSessions(maxSessions.orElse(config.maxSessions()));
    } catch (IllegalArgumentException e) {
      throw new StartupError(String.valueOf(e.getMessage()));
    }
  }
}
