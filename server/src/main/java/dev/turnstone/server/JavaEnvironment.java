package dev.turnstone.server;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.envadapters.EnvironmentProvider;
import dev.turnstone.rollout.Environment;
import dev.turnstone.rollout.Json;
import dev.turnstone.server.http.StartupError;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;

/// An environment in Java as the operator's file names it: `{environment, java, settings?,
/// classpath?}`.
record JavaEnvironment(String environment, String java, Json settings, List<Path> classpath) {
  static JavaEnvironment read(JsonNode file) {
    JsonNode settings = file.path("settings");
    if (!settings.isMissingNode() && !settings.isObject())
      throw new StartupError("settings must be an object, was " + settings);
    if (file.has("classpath") && !file.get("classpath").isArray())
      throw new StartupError("classpath must be a list, was " + file.get("classpath"));
    List<Path> classpath = new ArrayList<>();
    for (JsonNode entry : file.path("classpath")) {
      Path path = Path.of(entry.asText());
      if (!Files.exists(path)) throw new StartupError("classpath: there is no " + path);
      classpath.add(path);
    }
    return new JavaEnvironment(
        name(file, "environment"),
        name(file, "java"),
        new Json(settings.isObject() ? settings.toString() : "{}"),
        classpath);
  }

  private static String name(JsonNode file, String field) {
    String name = file.path(field).asText();
    if (name.matches("[A-Za-z0-9][A-Za-z0-9._-]{0,127}")) return name;
    throw new StartupError(
        "%s must be a name of letters, digits, '.', '_' and '-', was \"%s\""
            .formatted(field, name));
  }

  /// Finds the provider on the class path and lets it make the environment. Its classes stay loaded
  /// for the life of the server.
  Environment create() {
    try {
      return find();
    } catch (ServiceConfigurationError e) {
      throw new StartupError("a provider on the class path cannot be loaded: " + e.getMessage());
    }
  }

  private Environment find() {
    List<String> there = new ArrayList<>();
    for (EnvironmentProvider provider : ServiceLoader.load(EnvironmentProvider.class, loader())) {
      if (provider.name().equals(java)) {
        try {
          return provider.create(settings);
        } catch (IllegalArgumentException e) {
          throw new StartupError("java environment %s: %s".formatted(java, e.getMessage()));
        }
      }
      there.add(provider.name());
    }
    throw new StartupError(
        "there is no java environment %s on the class path; %s"
            .formatted(
                java,
                there.isEmpty()
                    ? "there is none at all"
                    : "there are " + String.join(", ", there)));
  }

  private ClassLoader loader() {
    ClassLoader own = JavaEnvironment.class.getClassLoader();
    return classpath.isEmpty()
        ? own
        : new URLClassLoader(classpath.stream().map(JavaEnvironment::url).toArray(URL[]::new), own);
  }

  private static URL url(Path path) {
    try {
      return path.toUri().toURL();
    } catch (MalformedURLException e) {
      throw new IllegalStateException(e);
    }
  }
}
