package dev.turnstone.sandbox.jail;

import java.time.Duration;

/// What one run may use. Sizes in bytes unless the name says otherwise.
public final class Limits {
  public static final Duration RUN_TIMEOUT = Duration.ofSeconds(10);
  public static final Duration MAX_RUN_TIMEOUT = Duration.ofHours(1);
  public static final int MEMORY_MB = 1024;
  public static final int SESSION_MEMORY_MB = 2048;
  public static final int MAX_MEMORY_MB = 64 * 1024;

  /// Compilers may hold this even where their program may not.
  public static final long COMPILE_MEMORY = 2L << 30;

  public static final int PROCESSES = 64;
  public static final int OPEN_FILES = 256;

  /// Of our own in each jail.
  public static final int WORKER_PROCESSES = 8;

  /// Below this a jail could not start.
  public static final long LEAST_MEMORY = 24L << 20;

  public static final long FILE_SIZE = 64L << 20;
  public static final int OUTPUT = 1 << 20;
  public static final long WORKSPACE = 256L << 20;
  public static final long TMP = 256L << 20;
  public static final long SHM = 64L << 20;

  /// Files and folders of each of the three file systems.
  public static final int FILE_COUNT = 100_000;

  public static final int BODY = 64 << 20;
  public static final int FILES = 1000;
  public static final int FETCHED = 32 << 20;
  public static final int CELLS = 200;

  /// Entries of a network list.
  public static final int HOSTS = 100;

  /// Entries of a listed folder.
  public static final int LISTED = 10_000;

  public static final int PATH_CHARS = 4096;

  /// For a jail to store the files of a request and start its program.
  public static final Duration SETUP = Duration.ofSeconds(20);

  /// Beyond the run timeout, for the worker to collect output and files.
  public static final Duration COLLECT = Duration.ofSeconds(3);

  private Limits() {}
}
