package dev.turnstone.server;

import dev.turnstone.envadapters.tools.CommandJail;
import dev.turnstone.sandbox.jail.ProgramJail;
import java.io.IOException;
import java.util.Optional;

/// The sandbox's jail for the commands of MCP servers, made when the first one starts: most servers
/// have none, and need no bubblewrap.
public final class CommandJails implements CommandJail, AutoCloseable {
  private Optional<ProgramJail> jail = Optional.empty();

  @Override
  public Process start(Program program) throws IOException {
    return jail()
        .start(program.command(), program.variables(), program.readOnly(), program.network());
  }

  private synchronized ProgramJail jail() throws IOException {
    if (jail.isEmpty()) jail = Optional.of(ProgramJail.create());
    return jail.get();
  }

  @Override
  public synchronized void close() {
    jail.ifPresent(ProgramJail::close);
  }
}
