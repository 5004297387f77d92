package dev.turnstone.sandbox;

import java.time.Duration;

/// What one run may use. Sizes in bytes unless the name says otherwise.
final class Limits {
  static final Duration RUN_TIMEOUT = Duration.ofSeconds(10);
  static final Duration MAX_RUN_TIMEOUT = Duration.ofHours(1);
  static final int MEMORY_MB = 1024;
  static final int MAX_MEMORY_MB = 64 * 1024;
  static final int PROCESSES = 64;
  static final int OPEN_FILES = 256;
  static final long FILE_SIZE = 64L << 20;
  static final int OUTPUT = 1 << 20;
  static final long WORKSPACE = 256L << 20;
  static final long TMP = 64L << 20;
  static final long SHM = 64L << 20;

  static final int BODY = 64 << 20;
  static final int FILES = 1000;
  static final int FETCHED = 32 << 20;
  static final int PATH_CHARS = 4096;

  /// For a jail to store the files of a request and start its program.
  static final Duration SETUP = Duration.ofSeconds(20);

  /// Beyond the run timeout, for the worker to collect output and files.
  static final Duration COLLECT = Duration.ofSeconds(3);

  private Limits() {}
}
