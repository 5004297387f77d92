package dev.turnstone.server.http;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/// The operator asked for something that cannot be: one sentence for the terminal, exit code 2.
public final class StartupError extends RuntimeException {
  private static final long serialVersionUID = 1;

  public StartupError(String message) {
    super(message, null, false, false);
  }

  /// A data folder in which nothing can be written, and why.
  public static StartupError unwritable(Path folder, IOException why) {
    return new StartupError(
        "data folder %s cannot be written: %s".formatted(folder, reason(folder, why)));
  }

  private static String reason(Path folder, IOException why) {
    if (Files.exists(folder) && !Files.isDirectory(folder)) return "it is a file";
    return switch (why) {
      case AccessDeniedException _ -> "permission denied";
      case NoSuchFileException _ -> "nothing can be made there";
      case FileSystemException failed when failed.getReason() != null -> failed.getReason();
      default -> why.getClass().getSimpleName();
    };
  }
}
