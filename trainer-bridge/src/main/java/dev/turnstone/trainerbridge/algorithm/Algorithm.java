package dev.turnstone.trainerbridge.algorithm;

import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import java.util.ServiceLoader;

/// A named training algorithm with its defaults.
///
/// To add one, write one class that implements this and annotate it with `@AutoService`; it is then
/// a value of `--algorithm`.
public interface Algorithm {
  /// What `--algorithm` calls it: small letters and underscores.
  String name();

  /// Its formula in one line, with its source.
  String summary();

  /// What it optimises unless flags say otherwise.
  Objective objective();

  /// All algorithms, by name.
  static List<Algorithm> all() {
    return ServiceLoader.load(Algorithm.class, Algorithm.class.getClassLoader()).stream()
        .map(ServiceLoader.Provider::get)
        .sorted(Comparator.comparing(Algorithm::name))
        .toList();
  }

  /// The names of all algorithms, as command lines list them.
  final class Names implements Iterable<String> {
    @Override
    public Iterator<String> iterator() {
      return all().stream().map(Algorithm::name).iterator();
    }
  }

  /// The algorithm of a name.
  ///
  /// @throws IllegalArgumentException naming those there are
  static Algorithm named(String name) {
    List<Algorithm> all = all();
    return all.stream()
        .filter(algorithm -> algorithm.name().equals(name))
        .findFirst()
        .orElseThrow(() ->
            new IllegalArgumentException(
                "no algorithm \"%s\": there are %s"
                    .formatted(
                        name, String.join(", ", all.stream().map(Algorithm::name).toList()))));
  }
}
