package dev.turnstone.engine.hub;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Which model of the hub: `org/name`, and a branch, tag or commit of it.
///
/// @param repository `org/name`
public record HubModel(String repository, String revision) {
  private static final String NAME = "[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?";
  private static final Pattern FORM =
      Pattern.compile("(%s/%s)(?:@([A-Za-z0-9_][A-Za-z0-9._/-]*))?".formatted(NAME, NAME));

  /// Reads `org/name` or `org/name@revision`; empty if the text is neither.
  public static Optional<HubModel> parse(String text) {
    Matcher form = FORM.matcher(text);
    if (!form.matches() || text.contains("..")) return Optional.empty();
    String revision = form.group(2);
    return Optional.of(new HubModel(form.group(1), revision == null ? "main" : revision));
  }

  @Override
  public String toString() {
    return revision.equals("main") ? repository : repository + "@" + revision;
  }
}
