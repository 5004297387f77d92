package dev.turnstone.upstream.wire;

/// What an engine did instead of generating, in one sentence.
public final class EngineFault extends Exception {
  private static final long serialVersionUID = 1;

  /// What follows from it.
  public enum Kind {
    /// It cannot be reached, or its answer broke off: the turn goes on elsewhere.
    GONE,
    /// It takes no more just now: the turn goes on elsewhere.
    BUSY,
    /// It answers what no engine of this policy may answer: it is ejected.
    BROKEN,
    /// Another server has brought it weights that this one does not know yet.
    AHEAD,
    /// It refuses this request.
    REFUSED
  }

  private final Kind kind;

  public EngineFault(Kind kind, String message) {
    super(message);
    this.kind = kind;
  }

  public EngineFault(Kind kind, String message, Throwable cause) {
    super(message, cause);
    this.kind = kind;
  }

  /// The fault of an engine that must be ejected.
  public static EngineFault broken(String message) {
    return new EngineFault(Kind.BROKEN, message);
  }

  public Kind kind() {
    return kind;
  }

  /// The sentence.
  public String why() {
    return String.valueOf(getMessage());
  }
}
