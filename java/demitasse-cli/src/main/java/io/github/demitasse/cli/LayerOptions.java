package io.github.demitasse.cli;

import io.github.demitasse.compress.Selector;
import java.util.List;
import picocli.CommandLine.Option;

/** Confined to one thread: the options that choose layers. */
final class LayerOptions {
  @Option(
      names = "--include",
      paramLabel = "PATTERN",
      split = ",",
      description = "Only layers that match; * stands for any characters.")
  private List<String> include;

  @Option(
      names = "--exclude",
      paramLabel = "PATTERN",
      split = ",",
      description = "No layers that match.")
  private List<String> exclude;

  boolean given() {
    return include != null || exclude != null;
  }

  Selector selector() {
    return new Selector(include, exclude);
  }
}
