package dev.turnstone.envadapters;

import dev.turnstone.rollout.Environment;
import dev.turnstone.rollout.Json;

/// Makes environments that are written in Java. The operator's configuration names it; a
/// [java.util.ServiceLoader] finds it, so the jar needs a file
/// `META-INF/services/dev.turnstone.envadapters.EnvironmentProvider` with the class's name
/// (Google's `@AutoService` writes it) and the class a public constructor without parameters.
public interface EnvironmentProvider {
  /// What the configuration calls it: `java: NAME`.
  String name();

  /// A new environment. Called once, when the server starts; its sessions are opened by many
  /// threads.
  ///
  /// @param settings the object `settings` of the configuration; `{}` without one
  /// @throws IllegalArgumentException the settings are not what it needs, in one sentence
  Environment create(Json settings);
}
