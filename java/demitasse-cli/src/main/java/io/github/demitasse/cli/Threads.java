package io.github.demitasse.cli;

import io.github.demitasse.natives.NativeLibrary;
import io.github.demitasse.runtime.SessionOptions;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** The option {@code --threads}. */
final class Threads {
  @Spec(Spec.Target.MIXEE)
  private CommandSpec command;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "At most this many threads (default: all that this process may use).")
  private Integer threads;

  SessionOptions options() {
    return SessionOptions.threads(count());
  }

  int count() {
    if (threads == null) {
      return NativeLibrary.availableThreads();
    }
    Usage.require(threads >= 1, command, "--threads must be at least 1");
    return threads;
  }
}
