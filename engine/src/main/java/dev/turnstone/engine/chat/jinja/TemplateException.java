package dev.turnstone.engine.chat.jinja;

/// Why a template could not be loaded or rendered, in one sentence.
///
/// It is an [IllegalArgumentException] because the template or the conversation is at fault.
public final class TemplateException extends IllegalArgumentException {
  private static final long serialVersionUID = 1;

  /// What went wrong: `SYNTAX` the template cannot be loaded; `RAISED` the template itself refused
  /// the conversation with `raise_exception`; `RENDER` Python would have raised an error; `LIMIT`
  /// the rendering was stopped because it took too much.
  public enum Kind {
    SYNTAX,
    RAISED,
    RENDER,
    LIMIT
  }

  private final Kind kind;
  private final String sentence;
  private final int line;

  private TemplateException(Kind kind, String sentence, int line) {
    super(sentence);
    this.kind = kind;
    this.sentence = sentence;
    this.line = line;
  }

  static TemplateException syntax(int line, String sentence) {
    return new TemplateException(Kind.SYNTAX, sentence, line);
  }

  static TemplateException raised(String sentence) {
    return new TemplateException(Kind.RAISED, sentence, 0);
  }

  static TemplateException render(String sentence) {
    return new TemplateException(Kind.RENDER, sentence, 0);
  }

  static TemplateException type(String sentence) {
    return render("TypeError: " + sentence);
  }

  static TemplateException limit(String sentence) {
    return new TemplateException(Kind.LIMIT, sentence, 0);
  }

  /// This exception with the line where it happened; an inner line wins.
  TemplateException at(int where) {
    if (line != 0) return this;
    var located = new TemplateException(kind, sentence, where);
    located.setStackTrace(getStackTrace());
    return located;
  }

  @Override
  public String getMessage() {
    return kind == Kind.RAISED || line == 0
        ? sentence
        : "chat template line " + line + ": " + sentence;
  }

  public Kind kind() {
    return kind;
  }

  /// Line of the template, from 1; 0 if unknown.
  public int line() {
    return line;
  }
}
