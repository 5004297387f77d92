package dev.turnstone.sandbox.jail;

import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/// The links of jails that are processes of their own, so that closing the service ends them all.
final class LiveLinks implements AutoCloseable {
  private final Set<PipeLink> live = ConcurrentHashMap.newKeySet();

  /// @param end what else has to be done once the process was killed
  PipeLink to(Process process, Runnable end) {
    PipeLink[] link = new PipeLink[1];
    link[0] =
        new PipeLink(
            process,
            () -> {
              live.remove(link[0]);
              end.run();
            });
    live.add(link[0]);
    return link[0];
  }

  @Override
  public void close() {
    List.copyOf(live).forEach(PipeLink::close);
  }
}
