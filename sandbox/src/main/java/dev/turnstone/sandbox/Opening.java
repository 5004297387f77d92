package dev.turnstone.sandbox;

import dev.turnstone.sandbox.SelfTest.Report;
import dev.turnstone.sandbox.jail.BubblewrapJails;
import dev.turnstone.sandbox.jail.CgroupSearch;
import dev.turnstone.sandbox.jail.ContainerJails;
import dev.turnstone.sandbox.jail.GvisorJails;
import dev.turnstone.sandbox.jail.HostTools;
import dev.turnstone.sandbox.jail.JailFolder;
import dev.turnstone.sandbox.jail.Jails;
import dev.turnstone.sandbox.jail.SandboxException;
import dev.turnstone.sandbox.jail.Spawner;

/// From a configuration to a sandbox whose jails have passed their self-test on this machine.
final class Opening {
  /// What is built when they have.
  interface Server<T> {
    T serve(SandboxConfig config, Sandbox sandbox, Guard guard);
  }

  private Opening() {}

  static <T> T open(SandboxConfig config, Server<T> server) throws SandboxException {
    HostTools tools =
        config.isolation() == Isolation.BUBBLEWRAP
            ? HostTools.find(config.mounts())
            : HostTools.findWithoutJails(config.mounts());
    Jails jails = jails(config, tools);
    try {
      Languages languages = Languages.find(tools);
      SelfTest test = new SelfTest(jails, languages, config.isolation());
      Report first = test.run();
      if (!first.passed())
        throw new SandboxException(
            "the sandbox's self-test failed, programs would not be isolated: "
                + first.failures()
                + ".");
      Guard guard = new Guard(test::run, first, config.selfTestEvery());
      return server.serve(config, new Sandbox(config, jails, languages), guard);
    } catch (SandboxException e) {
      jails.close();
      throw e;
    }
  }

  private static Jails jails(SandboxConfig config, HostTools tools) throws SandboxException {
    return switch (config.isolation()) {
      case BUBBLEWRAP ->
          new BubblewrapJails(
              tools, new Spawner(), JailFolder.create(), CgroupSearch.search(), config.firstUid());
      case GVISOR -> GvisorJails.of(tools, config.firstUid());
      case NONE -> ContainerJails.of(tools, config.firstUid());
    };
  }
}
