package dev.turnstone.sandbox;

import java.util.Arrays;
import java.util.Optional;

/// A language that programs may be written in.
enum Language {
  PYTHON("python", "/tmp/main.py"),
  BASH("bash", "/tmp/main.sh");

  final String label;

  /// Where the program's text lies in its jail.
  final String path;

  Language(String label, String path) {
    this.label = label;
    this.path = path;
  }

  static Optional<Language> of(String label) {
    return Arrays.stream(values()).filter(language -> language.label.equals(label)).findFirst();
  }
}
