package dev.turnstone.upstream;

import java.net.InetAddress;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Looks host names up again and again, each of whose addresses is an engine: those of DNS records,
/// and the pods behind a headless service. A name that cannot be looked up changes nothing, because
/// its engines may serve all the same.
final class Discovery implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Discovery.class);

  private final Fleet fleet;
  private final Resolver resolver;
  private final Duration interval;
  private final List<EngineSpec> names;
  private final Map<EngineSpec, Set<String>> known = new HashMap<>();
  private final Thread thread;

  /// Finds the addresses of a host.
  @FunctionalInterface
  interface Resolver {
    List<String> addresses(String host) throws UnknownHostException;
  }

  Discovery(Fleet fleet, List<EngineSpec> names, Resolver resolver, Duration interval) {
    this.fleet = fleet;
    this.names = List.copyOf(names);
    this.resolver = resolver;
    this.interval = interval;
    thread = Thread.ofVirtual().name("engine-discovery").unstarted(this::run);
  }

  static List<String> system(String host) throws UnknownHostException {
    List<String> all = new ArrayList<>();
    for (InetAddress address : InetAddress.getAllByName(host)) all.add(address.getHostAddress());
    return all;
  }

  void start() {
    look();
    if (!names.isEmpty()) thread.start();
  }

  private void run() {
    try {
      while (true) {
        TimeUnit.NANOSECONDS.sleep(interval.toNanos());
        look();
      }
    } catch (InterruptedException e) {
      // Closed.
    }
  }

  /// Adds engines whose address is new, and removes those whose address is gone.
  void look() {
    for (EngineSpec name : names) {
      try {
        Set<String> now = new HashSet<>();
        for (String address : resolver.addresses(name.url().getHost())) {
          EngineSpec engine = name.at(at(name.url(), address));
          now.add(engine.name());
          fleet.add(engine);
        }
        for (String before : known.getOrDefault(name, Set.of()))
          if (!now.contains(before)) fleet.remove(before);
        known.put(name, now);
      } catch (UnknownHostException e) {
        LOG.warn("the engines' name {} cannot be looked up", name.url().getHost());
      }
    }
  }

  private static URI at(URI url, String address) {
    try {
      String host = address.contains(":") ? "[" + address + "]" : address;
      return new URI(url.getScheme(), null, host, url.getPort(), url.getPath(), null, null);
    } catch (URISyntaxException e) {
      throw new IllegalStateException("an address is always a host", e);
    }
  }

  @Override
  public void close() {
    thread.interrupt();
  }
}
