package dev.turnstone.engine;

/// A model folder that cannot be used, and why, in one sentence.
public final class ModelException extends Exception {
  private static final long serialVersionUID = 1;

  public ModelException(String message) {
    super(message);
  }

  public ModelException(String message, Throwable cause) {
    super(message, cause);
  }
}
