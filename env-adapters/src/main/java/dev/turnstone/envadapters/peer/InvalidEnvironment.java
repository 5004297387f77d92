package dev.turnstone.envadapters.peer;

/// A registration that cannot be taken. The message is one sentence for the client that names the
/// field and its value.
public final class InvalidEnvironment extends IllegalArgumentException {
  private static final long serialVersionUID = 1;

  public InvalidEnvironment(String message) {
    super(message);
  }
}
