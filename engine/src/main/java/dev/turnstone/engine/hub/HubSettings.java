package dev.turnstone.engine.hub;

import dev.turnstone.engine.ModelException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import okhttp3.HttpUrl;

/// Where the hub and its cache are, by the environment variables of `huggingface_hub`.
///
/// @param token never shown
/// @param offline whether only the cache may be used
public record HubSettings(HttpUrl endpoint, Path cache, Optional<String> token, boolean offline) {
  private static final Set<String> YES = Set.of("1", "ON", "YES", "TRUE");

  /// Reads `HF_ENDPOINT`, `HF_HOME`, `HF_HUB_CACHE`, `HF_TOKEN`, `HF_TOKEN_PATH` and
  /// `HF_HUB_OFFLINE`.
  ///
  /// @throws ModelException if one of them cannot be meant
  public static HubSettings of(Map<String, String> environment) throws ModelException {
    String endpoint = environment.getOrDefault("HF_ENDPOINT", "https://huggingface.co");
    HttpUrl url = HttpUrl.parse(endpoint);
    if (url == null) throw new ModelException("HF_ENDPOINT is no URL: " + endpoint);
    Path home = home(environment);
    return new HubSettings(
        url,
        path(environment, "HF_HUB_CACHE").orElse(home.resolve("hub")),
        token(environment, home),
        YES.contains(environment.getOrDefault("HF_HUB_OFFLINE", "").toUpperCase(Locale.ROOT)));
  }

  private static Path home(Map<String, String> environment) {
    return path(environment, "HF_HOME")
        .orElseGet(() ->
            path(environment, "XDG_CACHE_HOME")
                .orElseGet(() -> Path.of(System.getProperty("user.home"), ".cache"))
                .resolve("huggingface"));
  }

  private static Optional<Path> path(Map<String, String> environment, String name) {
    return Optional.ofNullable(environment.get(name)).filter(s -> !s.isBlank()).map(Path::of);
  }

  private static Optional<String> token(Map<String, String> environment, Path home)
      throws ModelException {
    String said = environment.getOrDefault("HF_TOKEN", "").strip();
    if (!said.isEmpty()) return Optional.of(said);
    Path file = path(environment, "HF_TOKEN_PATH").orElse(home.resolve("token"));
    if (!Files.isRegularFile(file)) return Optional.empty();
    try {
      return Optional.of(Files.readString(file).strip()).filter(token -> !token.isEmpty());
    } catch (IOException e) {
      throw new ModelException("cannot read the token in " + file + ": " + e.getMessage(), e);
    }
  }

  @Override
  public String toString() {
    return "HubSettings[%s, %s, %s, offline=%b]"
        .formatted(endpoint, cache, token.isPresent() ? "a token" : "no token", offline);
  }
}
