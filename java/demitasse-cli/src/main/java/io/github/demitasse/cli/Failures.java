package io.github.demitasse.cli;

import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import picocli.CommandLine;
import picocli.CommandLine.ParseResult;

/**
 * Thread-safe: how a failed command says so: one clear line, and the stack trace only with {@code
 * --verbose}.
 */
final class Failures {
  private Failures() {}

  /** An exception of a command; {@code whole} begins at the main command, which has no options. */
  static int report(Exception failure, CommandLine command, ParseResult whole) {
    return report(
        failure, command.getErr(), command.getParseResult().hasMatchedOption("--verbose"));
  }

  static int report(Throwable failure, PrintWriter err, boolean verbose) {
    err.println("demitasse: " + message(failure).replaceAll("\\R", " "));
    if (verbose) {
      failure.printStackTrace(err);
    }
    err.flush();
    return CommandLine.ExitCode.SOFTWARE;
  }

  private static String message(Throwable failure) {
    if (failure instanceof OutOfMemoryError) {
      return "not enough memory ("
          + failure.getMessage()
          + "); give Java more with -Xmx, or make batches or shapes smaller";
    }
    if (failure instanceof StackOverflowError) {
      return "the input is nested too deeply";
    }
    if (failure instanceof NoSuchFileException missing) {
      return missing.getFile() + ": no such file";
    }
    if (failure instanceof AccessDeniedException denied) {
      return denied.getFile() + ": permission denied";
    }
    if (failure instanceof FileSystemException other && other.getReason() != null) {
      return other.getFile() + ": " + other.getReason();
    }
    if (failure instanceof UncheckedIOException
        && failure.getCause() instanceof FileSystemException cause
        && failure.getMessage().equals(cause.toString())) {
      return message(cause);
    }
    String text = failure.getMessage();
    return text == null || text.isBlank() ? failure.getClass().getSimpleName() : text;
  }
}
