package io.github.demitasse.cli;

import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Confined to one thread: the options that say how samples run and become embeddings. */
final class EmbeddingOptions {
  @Option(
      names = "--pooling",
      paramLabel = "KIND",
      defaultValue = "MEAN",
      description = "How token vectors become an embedding: mean or first (default: mean).")
  private Embeddings.Pooling pooling;

  @Option(
      names = "--batch",
      paramLabel = "N",
      defaultValue = "32",
      description = "Samples that run together, without padding (default: ${DEFAULT-VALUE}).")
  private int batch;

  @Spec(Spec.Target.MIXEE)
  private CommandSpec command;

  Embeddings.Pooling pooling() {
    return pooling;
  }

  int batch() {
    return batch;
  }

  /** Wrong usage is told before there is work to lose. */
  void check() {
    Usage.require(batch >= 1, command, "--batch must be at least 1");
  }
}
