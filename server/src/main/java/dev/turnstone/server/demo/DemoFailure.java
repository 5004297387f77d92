package dev.turnstone.server.demo;

/// The demo cannot go on: one sentence for the terminal, exit code 1.
final class DemoFailure extends RuntimeException {
  private static final long serialVersionUID = 1;

  DemoFailure(String message) {
    super(message);
  }
}
