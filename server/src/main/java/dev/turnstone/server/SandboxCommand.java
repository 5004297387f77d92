package dev.turnstone.server;

import dev.turnstone.sandbox.SandboxConfig;
import dev.turnstone.sandbox.SandboxServer;
import dev.turnstone.sandbox.jail.SandboxException;
import dev.turnstone.server.http.StartupError;
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

  @Spec private CommandSpec spec = CommandSpec.create();

  @Override
  public Integer call() throws InterruptedException {
    if (port < 0 || port > 65535)
      throw new StartupError("port must be an integer from 0 to 65535, but is " + port);
    try (SandboxServer server = SandboxServer.start(SandboxConfig.of(host, port))) {
      Signals stop = Signals.install();
      spec.commandLine().getOut().printf("listening on %s%n", server.url());
      stop.await();
      return 0;
    } catch (SandboxException e) {
      throw new StartupError(String.valueOf(e.getMessage()));
    }
  }
}
