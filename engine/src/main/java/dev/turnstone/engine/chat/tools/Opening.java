package dev.turnstone.engine.chat.tools;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// How the calls of a format begin.
///
/// @param text a fixed text
/// @param then what must follow it, if the text alone is too common; a match must not depend on
///   what comes after it
/// @param atStart whether only white space may come before it
record Opening(String text, Optional<Pattern> then, boolean atStart) {
  Opening {
    if (text.isEmpty()) throw new IllegalArgumentException("an opening has a text");
  }

  /// A text that means nothing else, such as a tag.
  static Opening tag(String text) {
    return new Opening(text, Optional.empty(), false);
  }

  /// Whether it stands for nothing else.
  boolean isTag() {
    return text.length() > 1 && !atStart;
  }

  static Opening anywhere(String text, String then) {
    return new Opening(text, Optional.of(Pattern.compile(then)), false);
  }

  static Opening atStart(String text, String then) {
    return new Opening(text, Optional.of(Pattern.compile(then)), true);
  }

  /// Where the opening is, or how far it is certain that there is none.
  ///
  /// @param at where it begins; if not `certain`, it may begin there once more text has come
  record Place(int at, boolean certain) {}

  /// The first place at or after `from`.
  ///
  /// @param start where the content begins
  /// @param ended whether no text will come
  Place find(StringBuilder text, int from, int start, boolean ended) {
    if (atStart) return findAtStart(text, start, ended);
    for (int at = text.indexOf(this.text, from); at >= 0; at = text.indexOf(this.text, at + 1)) {
      Match match = match(text, at + this.text.length(), ended);
      if (match != Match.NO) return new Place(at, match == Match.YES);
    }
    return new Place(ended ? text.length() : Tail.partial(text, from, this.text), false);
  }

  private Place findAtStart(StringBuilder text, int start, boolean ended) {
    int at = Tail.skipSpace(text, start);
    int shared = 0;
    while (shared < this.text.length()
        && at + shared < text.length()
        && text.charAt(at + shared) == this.text.charAt(shared)) shared++;
    if (shared == this.text.length()) {
      Match match = match(text, at + shared, ended);
      if (match != Match.NO) return new Place(at, match == Match.YES);
    } else if (at + shared == text.length() && !ended) {
      return new Place(at, false);
    }
    return new Place(text.length(), false);
  }

  private enum Match {
    YES,
    MAYBE,
    NO
  }

  @SuppressWarnings("JdkObsolete") // whether more text might match is what hitEnd is for
  private Match match(StringBuilder text, int from, boolean ended) {
    if (then.isEmpty()) return Match.YES;
    Matcher matcher = then.get().matcher(text).region(from, text.length());
    if (matcher.lookingAt()) return Match.YES;
    return matcher.hitEnd() && !ended ? Match.MAYBE : Match.NO;
  }
}
