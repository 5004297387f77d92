package dev.turnstone.server;

import java.io.IOException;

/// The main class of the demo's child processes: the command line, until standard input ends. The
/// parent holds the other end of that pipe and never writes, so however the parent dies, its
/// children learn of it.
final class DemoChild {
  private DemoChild() {}

  public static void main(String[] args) {
    Thread.ofPlatform().daemon().name("parent-watch").start(DemoChild::exitWithParent);
    Main.main(args);
  }

  private static void exitWithParent() {
    try {
      while (System.in.read() >= 0) {}
    } catch (IOException e) {
      // A broken pipe is an end, too.
    }
    System.exit(128 + 1);
  }
}
