package io.github.demitasse.cli.data;

import io.github.demitasse.Model;
import io.github.demitasse.evaluate.Dataset;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Options that say how data files are read. */
public final class DataOptions {
  @Option(
      names = "--tokenizer",
      paramLabel = "tokenizer.json",
      description = "For text: the model's tokenizer, as Hugging Face tokenizers saves it.")
  private Path tokenizer;

  @Option(
      names = "--max-tokens",
      paramLabel = "N",
      defaultValue = "256",
      description = "Longer texts are cut to this many tokens (default: ${DEFAULT-VALUE}).")
  private int maximumTokens;

  @Mixin private ImageOptions images;

  @Spec(Spec.Target.MIXEE)
  private CommandSpec command;

  /**
   * Samples for a model.
   *
   * @throws IllegalArgumentException for data that does not fit, naming file and place
   */
  public Dataset read(Path file, Model model, int atMost) throws IOException {
    if (ArrayFile.isArrays(file)) {
      return ArrayFile.read(file, model, atMost).samples();
    }
    if (ImageFolder.isImages(file)) {
      return images.open(file, model, atMost);
    }
    List<String> texts = new ArrayList<>();
    for (TextFile.Line line : TextFile.read(file)) {
      texts.addAll(line.sentences());
    }
    try (TextEncoder encoder = encoder(model)) {
      return Dataset.of(encoder.encode(texts.subList(0, Math.min(atMost, texts.size()))));
    }
  }

  /** How images are read. */
  public ImageOptions images() {
    return images;
  }

  /** The tokenizer joined to the model's inputs. */
  public TextEncoder encoder(Model model) {
    if (tokenizer == null) {
      throw new IllegalArgumentException("text needs --tokenizer tokenizer.json");
    }
    if (maximumTokens < 1) {
      throw new ParameterException(command.commandLine(), "--max-tokens must be at least 1");
    }
    return new TextEncoder(tokenizer, maximumTokens, model);
  }
}
